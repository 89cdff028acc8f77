"""Arms of the closed loop: what each is trained with, and one training run of one of them."""

import fcntl
import json
import multiprocessing
import os
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel

from benchmarks.closed_loop_evaluation import evaluate
from clip_evaluation.figure import figures, to_json
from contrastive_trainer.log import read_log
from contrastive_trainer.tokenizer import train_tokenizer
from contrastive_trainer.training import train
from schemas.errors import RunError
from schemas.train import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train; `texts` and `losses` are the trainer's sections."""

    name: str
    title: str
    texts: Mapping[str, Any]
    losses: Mapping[str, Any] = field(default_factory=dict)


_MIX = {"p_raw": 1, "p_long": 4, "p_short": 1, "sentences": 1}

ARMS = (
    Arm(name="alt_text", title="alt text", texts={"p_raw": 1}),
    Arm(name="laclip", title="LaCLIP: alt text and rewrites", texts={"p_raw": 1, "p_rewrite": 4}),
    Arm(name="recaptions", title="recaptions", texts={"p_raw": 0, "p_long": 1, "sentences": 1}),
    Arm(name="mix", title="HQ-CLIP's texts", texts=_MIX),
    Arm(name="hni_stc", title="HQ-CLIP's texts, HNI and STC", texts=_MIX, losses={"hni": {}, "stc": {}}),
    Arm(name="regions", title="HQ-CLIP's texts, regions", texts=_MIX, losses={"regions": {"per_image": 2}}),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How large the benchmark is; the same for all arms."""

    scenes: int
    samples_seen: int
    seeds: int
    test_scenes: int = 1000
    size_px: int = 32
    patch_px: int = 8
    width: int = 96
    layers: int = 3
    heads: int = 4
    text_tokens: int = 16
    vocabulary: int = 800
    batch: int = 64
    lr: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.1
    error_rate: float = 0.1


FULL = Plan(scenes=20_000, samples_seen=128_000, seeds=3)
QUICK = Plan(scenes=8_000, samples_seen=32_000, seeds=1)

TRAIN_SEED, TEST_SEED = 1_000_000, 9_000_000
"""Seeds of the scenes to train on, and of those to test on: far apart, so that none is in both."""
LOG_STEPS = 10
POSITIONS = 10.0
_CHECKPOINT_STEPS = 100


def shards_folder(out: Path) -> Path:
    """Return where the shards are."""
    return out / "shards"


def start_folder(out: Path, seed: int) -> Path:
    """Return where the weights are that all arms of a seed start from."""
    return out / "start" / str(seed)


def write_start(out: Path, plan: Plan, seed: int) -> None:
    """Write a CLIP with random weights, and its tokenizer, unless it is there: what a seed's arms start from.

    Position embeddings of the image tower begin `POSITIONS` times as large as transformers draws them: else
    they drown among those of the patches, and a run this short learns nothing of where things are.
    """
    folder = start_folder(out, seed)
    if folder.exists():
        return
    tokenizer = train_tokenizer(_texts(out), plan.vocabulary)
    tower = {
        "hidden_size": plan.width,
        "intermediate_size": 4 * plan.width,
        "num_hidden_layers": plan.layers,
        "num_attention_heads": plan.heads,
    }
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": plan.text_tokens,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    vision = {"image_size": plan.size_px, "patch_size": plan.patch_px}
    torch.manual_seed(seed)
    model = CLIPModel(
        CLIPConfig(text_config=tower | text, vision_config=tower | vision, projection_dim=plan.width)
    )
    with torch.no_grad():
        model.vision_model.embeddings.position_embedding.weight.mul_(POSITIONS)
    half = folder.with_name(f".half-{folder.name}-{os.getpid()}")
    model.save_pretrained(half)
    tokenizer.save_pretrained(half)
    os.rename(half, folder)


def run_arm(out: Path, plan: Plan, arm: Arm, seed: int) -> dict[str, Any]:
    """Train and measure an arm, or go on with it; return what is known of it, at once where it is done.

    Raises:
        RunError: it was told to stop, or the process that started this one has ended.
    """
    result = out / "results" / f"{arm.name}-{seed}.json"
    result.parent.mkdir(exist_ok=True)
    with result.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # an earlier run's process may still be at it
        if not result.exists():
            half = result.with_suffix(".half")
            half.write_text(json.dumps(_run(out, plan, arm, seed)) + "\n")
            os.replace(half, result)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def arm_config(out: Path, plan: Plan, arm: Arm, seed: int) -> TrainConfig:
    """Return the trainer's configuration of an arm: arms differ in texts and losses alone."""
    return TrainConfig.model_validate(
        {
            "output": str(out / "runs" / f"{arm.name}-{seed}"),
            "data": {"shards": [str(shards_folder(out))], "workers": 0, "crop_scale": [1, 1]},
            "model": {"checkpoint": str(start_folder(out, seed)), "text_length": plan.text_tokens},
            "texts": dict(arm.texts),
            "losses": dict(arm.losses),
            "optim": {"lr": plan.lr, "warmup": plan.warmup, "weight_decay": plan.weight_decay},
            "batch": plan.batch,
            "epochs": plan.samples_seen / plan.scenes,
            "seed": seed,
            "device": "cpu",
            "log_steps": LOG_STEPS,
            "checkpoint_steps": _CHECKPOINT_STEPS,
        }
    )


def _run(out: Path, plan: Plan, arm: Arm, seed: int) -> dict[str, Any]:
    config = arm_config(out, plan, arm, seed)
    folder = Path(config.output)
    resumed, cpu_started = bool(read_log(folder)), time.process_time()

    def say(line: str) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            raise RunError("the benchmark was stopped; the same command goes on")
        if line.startswith("warning"):
            print(f"{arm.name}, seed {seed}: {line}", flush=True)

    outcome = train(config, say=say)
    if not outcome.finished:
        raise RunError(f"{arm.name}, seed {seed}: stopped at step {outcome.step}; the same command goes on")
    cpu_s = time.process_time() - cpu_started
    measured = evaluate(folder / "final", seed=TEST_SEED, scenes=plan.test_scenes)
    rows = read_log(folder)
    return {
        "arm": arm.name,
        "seed": seed,
        "samples_seen": outcome.step * config.batch,
        "cpu_s": None if resumed else round(cpu_s, 1),  # else it would be the last process's alone
        "loss": [[row["step"] * config.batch, row["contrastive"]] for row in rows],
        "last": {
            name: rows[-1][name]
            for name in ("contrastive", "hni", "stc", "regions", "grounding")
            if name in rows[-1]
        },
        "figures": to_json(dict(figures(measured))),
    }


def _texts(out: Path) -> Iterator[str]:
    """Yield all texts of the first shard."""
    with tarfile.open(shards_folder(out) / "00000.tar") as shard:
        for member in shard:
            stream = shard.extractfile(member)
            if member.name.endswith(".json") and stream is not None:
                fields = json.load(stream)
                yield fields["alt_text"]
                for name in ("long_positive", "long_negative", "short_positive", "rewrites"):
                    yield from fields[name]
