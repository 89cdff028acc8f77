"""Curate, train, score with what was trained, curate again: is more of the second round's captions true?

    python -m benchmarks.rounds [--quick] [--out DIR]

HQ-CLIP's loop (arXiv 2507.22431) with everything of this package and nothing else: rendered scenes, 20 % with
another scene's caption and 20 % with one wrong word, are curated without scores; a small CLIP is trained on
what is published, faults and all; it scores the same scenes, and the best share is kept. The shards' own JSON
says which captions are true; no stage reads it. About 5 minutes on a core, `--quick` one.
"""

import argparse
import io
import json
import tarfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.closed_loop_scenes import make_scene
from benchmarks.quality import captions
from contrastive_trainer.training import train
from demo_data.scene_drawing import draw
from demo_data.tar_writing import add_member
from pipelines.command import run_stage
from pipelines.curate import run_curate
from pipelines.report import run_report
from pipelines.run import open_run
from schemas.config import RunConfig
from schemas.train import TrainConfig

SEED = 3_000_000
PER_SHARD = 1000
SIZE_PX = 32
SHARE = 0.6
"""Of the pool that the second round keeps: as many as are true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large the loop is."""

    scenes: int
    samples_seen: int


FULL = Plan(scenes=8000, samples_seen=96_000)
QUICK = Plan(scenes=3000, samples_seen=24_000)


def main() -> None:
    """Run what is not done yet, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer scenes, fewer samples seen")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    out = options.out or Path("runs") / ("rounds_quick" if options.quick else "rounds")
    first, second = run(out, QUICK if options.quick else FULL)
    print("| round | published | true | another scene's | one wrong word |\n|---|---:|---:|---:|---:|")
    for name, counted in (("first, everything", first), ("second, best 60 %", second)):
        whole = counted.total()
        shares = " | ".join(f"{counted[kind] / whole:.3f}" for kind in ("true", "swapped", "word"))
        print(f"| {name} | {whole:,} | {shares} |")
    print(f"\nSide by side: {out}/second/report.html")


def run(out: Path, plan: Plan) -> tuple[Counter[str], Counter[str]]:
    """Return how many captions of each kind (true, swapped, word) both rounds publish."""
    write_pool(out / "pool", plan.scenes)
    checkpoint = out / "clip" / "final"
    if not checkpoint.exists():
        curate(out, "first")
        train_on(out, plan)
    score = {"clip": {"checkpoint": str(checkpoint), "device": "cpu"}, "fields": []}
    curate(out, "first", score)  # all stay; the report compares the scores of both rounds
    curate(out, "second", {**score, "keep": [{"of": "clip_alt", "share": SHARE}]})
    run_report(str(out / "second"), against=str(out / "first"))
    return kinds(out / "first"), kinds(out / "second")


def write_pool(folder: Path, count: int) -> None:
    """Write the scenes as shards, unless they are there; `kind` in the JSON says what a caption is."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [make_scene(SEED + n) for n in range(count)]
    told = captions(scenes, np.random.default_rng(0))
    for start in range(0, count, PER_SHARD):
        path = folder / f"{start // PER_SHARD:05d}.tar"
        if path.exists():
            continue
        half = path.with_suffix(".half")
        with tarfile.open(half, "w") as tar:
            for n in range(start, min(count, start + PER_SHARD)):
                picture = io.BytesIO()
                draw(scenes[n].layout, SIZE_PX).save(picture, "JPEG", quality=95, subsampling=0)
                add_member(tar, f"{n:06d}.jpg", picture.getvalue())
                add_member(tar, f"{n:06d}.json", json.dumps({"kind": told[n].kind}).encode())
                add_member(tar, f"{n:06d}.txt", told[n].text.encode())
        half.rename(path)


def curate(out: Path, name: str, score: Mapping[str, Any] | None = None) -> None:
    """Curate the pool, as `pairwright curate` does."""
    config = RunConfig.model_validate(
        {
            "name": f"{name}-round",
            "input": {"shards": f"{out}/pool/*.tar"},
            "output": str(out / name),
            "card": {"composition": ["kind"]},  # the report says how many captions are true
            "score": score,
            "publish": {"samples_per_shard": PER_SHARD},
        }
    )
    run_stage(run_curate, open_run(config))


def train_on(out: Path, plan: Plan) -> None:
    """Train a CLIP on the first round's captions."""
    config = TrainConfig.model_validate(
        {
            "output": str(out / "clip"),
            "data": {"shards": [str(out / "first")], "workers": 0, "crop_scale": [1, 1]},
            "model": {"preset": "tiny", "image_size": SIZE_PX, "text_length": 16},
            "tokenizer": {"vocabulary": 500},
            "texts": {"p_raw": 1},
            "optim": {"lr": 1e-3, "warmup": 50, "weight_decay": 0.1},
            "batch": 64,
            "epochs": plan.samples_seen / plan.scenes,
            "device": "cpu",
            "log_steps": 10,
            "checkpoint_steps": 200,
        }
    )
    train(config, say=lambda line: None)


def kinds(folder: Path) -> Counter[str]:
    """Return how many published captions are of each kind, as their sources' JSON says."""
    found: Counter[str] = Counter()
    for path in sorted((folder / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json") and (stream := tar.extractfile(member)):
                    found[json.load(stream)["source"]["json"]["kind"]] += 1
    return found


if __name__ == "__main__":
    main()
