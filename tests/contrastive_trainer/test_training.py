"""Whole runs in the process of the tests: what they leave, refuse and say."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from contrastive_trainer import loop, objective
from contrastive_trainer.checkpoints import Progress, checkpoints
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.log import read_log
from contrastive_trainer.model import load_clip
from contrastive_trainer.training import total_steps, train
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig
from tests.tars import write_tar

Make = Callable[..., TrainConfig]


def quiet(_: str) -> None:
    pass


def test_what_a_run_leaves_and_says(
    tmp_path: Path, configure: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    outcome = train(configure(keep_checkpoints=2, log_steps=4), say=said.append)
    assert outcome.finished
    assert (outcome.step, outcome.steps, outcome.skipped, outcome.signal) == (10, 10, 0, None)
    assert outcome.model == tmp_path / "out" / "final"
    kept = [path.name for path in checkpoints(tmp_path / "out")]
    assert kept == ["step-00000009", "step-00000010"]
    rows = read_log(tmp_path / "out")
    assert [row["step"] for row in rows] == [4, 8, 10]
    for row in rows:
        assert set(row) == {
            "step", "loss", "contrastive", "gradient_norm", "lr", "scale", "samples_per_second", "waiting",
            "skipped",
        }  # fmt: skip
        assert row["samples_per_second"] > 0
        assert 0 <= row["waiting"] <= 1
    lines = [line for line in said if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == ["4/10", "8/10", "10/10"]
    assert all("samples/s waiting" in line for line in lines)
    assert said[0].startswith("counting the samples of 3 shards")
    assert "10 steps done" in said[-3]
    assert said[-2] == f"model: {tmp_path}/out/final"
    assert said[-1].startswith(f"evaluate it: pairwright evaluate {tmp_path}/out/final CONFIG, over data")
    assert capsys.readouterr().out == ""


def test_a_preset_with_a_tokenizer_of_the_shards(tmp_path: Path, configure: Make) -> None:
    config = configure(
        model={"preset": "tiny", "image_size": 16, "text_length": 12},
        tokenizer={"vocabulary": 300},
        epochs=0.2,
        optim={"ema": 0.5, "warmup": 0},
    )
    train(config, say=quiet)
    clip = load_clip(str(tmp_path / "out" / "final"))
    assert (clip.image_size, clip.text_length) == (16, 12)
    averages = load_file(tmp_path / "out" / "step-00000001" / "ema.safetensors")
    for name, value in clip.named_parameters():
        assert torch.equal(value, averages[f"clip.{name}"]), name


def test_a_loss_that_is_no_number_leaves_the_checkpoint_before(
    tmp_path: Path, configure: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(log_steps=5)
    calls: list[int] = []
    contrastive = objective.Objective._contrastive

    def fails(*given: Any) -> torch.Tensor:
        calls.append(1)
        return contrastive(*given) * (torch.nan if len(calls) == 6 else 1.0)

    with monkeypatch.context() as patch:
        patch.setattr(objective.Objective, "_contrastive", fails)
        with pytest.raises(RunError, match="loss is nan in step 6; lower optim.lr"):
            train(config, say=quiet)
    assert [path.name for path in checkpoints(tmp_path / "out")] == ["step-00000000", "step-00000003"]
    assert train(config, say=quiet).finished
    whole = configure(output=str(tmp_path / "whole"))
    train(whole, say=quiet)
    model = "final/model.safetensors"
    assert (tmp_path / "out" / model).read_bytes() == (tmp_path / "whole" / model).read_bytes()


def test_the_output_of_another_configuration(tmp_path: Path, configure: Make, shards: Path) -> None:
    short = {"epochs": 0.6}
    train(configure(**short), say=quiet)
    before = sorted((tmp_path / "out").rglob("*"))
    for change, told in (
        ({"seed": 5}, r"\(seed: 0 -> 5\)"),
        ({"epochs": 0.8}, r"\(epochs: 0\.6 -> 0\.8\)"),
        (
            {"data": {"shards": f"{shards}/00000.tar"}, "epochs": 2},
            r'\(data\.shards: "20 samples in 3 shards, hash .*" -> "8 samples in 1 shards, .*; epochs: 0',
        ),
    ):
        with pytest.raises(ConfigError, match=f"step-00000003 was trained with other settings {told}"):
            train(configure(**short | change), say=quiet)
    assert sorted((tmp_path / "out").rglob("*")) == before
    free = {"data": {"workers": 2}, "checkpoint_steps": 5, "chunk": 2, "log_steps": 3}
    said: list[str] = []
    outcome = train(configure(**short, **free), say=said.append)
    assert (outcome.finished, outcome.step, outcome.steps) == (True, 3, 3)
    assert said[1:] == [
        f"done already: {tmp_path}/out/final",
        f"evaluate it: pairwright evaluate {tmp_path}/out/final CONFIG, over data that "
        "docs/evaluation.md lists",
    ]
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_the_documented_way_to_train_longer(tmp_path: Path, configure: Make) -> None:
    train(configure(epochs=0.6, optim={"lr": 1e-3, "warmup": 0}), say=quiet)
    final = tmp_path / "out" / "final"
    more = configure(output=str(tmp_path / "more"), model={"checkpoint": str(final)})
    train(more, say=quiet)
    begun, ended = (load_clip(str(path)).state_dict() for path in (final, tmp_path / "more" / "final"))
    assert any(not torch.equal(begun[name], ended[name]) for name in begun)


def test_a_damaged_checkpoint_and_the_one_before(tmp_path: Path, configure: Make) -> None:
    config = configure()
    train(config, say=quiet)
    last = checkpoints(tmp_path / "out")[-1]
    final = (tmp_path / "out" / "final" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "out" / "final")  # else the run is over
    for name in ("model.safetensors", "tokenizer.json"):
        whole = (last / name).read_bytes()
        (last / name).write_bytes(b"\xff" * len(whole))
        with pytest.raises(ConfigError, match=r"step-00000010 is damaged \(.*\); remove it: the run goes on"):
            train(config, say=quiet)
        (last / name).write_bytes(whole)
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    said: list[str] = []
    assert train(config, say=said.append).finished
    assert said[1:3] == ["10 steps of 4 samples, 20 an epoch, on cpu", "goes on after step 9"]
    assert (tmp_path / "out" / "final" / "model.safetensors").read_bytes() == final


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 21}, "batch: 21 is more than the 20 samples of data.shards; lower it"),
        ({"chunk": 3}, "chunk: 3 does not divide the 4 samples of a rank; change it"),
        ({"data": {"shards": "none/*.tar"}}, "names no shard"),
        ({"model": {"checkpoint": "/none"}}, "^model.checkpoint: there is no folder '/none'; give"),
        ({"tokenizer": {"path": "a/b/c"}}, "^tokenizer.path: there is no folder 'a/b/c'"),
        (
            {"optim": {"warmup": 10}},
            r"^optim.warmup: 10 steps are not less than the 10 of the run \(epochs 2, batch 4\); lower it, "
            "to 1 say, or raise epochs$",
        ),
        (
            {"texts": {"p_long": 1}, "epochs": 9, "data": {"shards": "PLAIN"}},
            "texts.p_long: none of the first 4 samples",
        ),
    ],
)
def test_what_does_not_fit_is_said_at_once(
    tmp_path: Path, configure: Make, changes: dict[str, Any], said: str
) -> None:
    if changes.get("data", {}).get("shards") == "PLAIN":
        changes = changes | {"data": {"shards": str(_plain_shard(tmp_path))}}
    with pytest.raises(ConfigError, match=said):
        train(configure(**changes), say=quiet)
    assert not (tmp_path / "out").exists()


def _plain_shard(folder: Path) -> Path:
    """Write a shard of pictures with a text and no other field."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    parts = (("png", picture.getvalue()), ("txt", b"a text"))
    return write_tar(
        folder / "plain.tar", [(f"{n}.{ending}", data) for n in range(4) for ending, data in parts]
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(configure: Make) -> None:
    with pytest.raises(ConfigError, match="device: process 0 of this machine has no GPU, torch sees 0"):
        train(configure(device="cuda"), say=quiet)


@pytest.mark.parametrize(
    ("batch", "epochs", "samples", "steps"),
    [(4, 2, 20, 10), (4, 0.1, 20, 1), (4, 0.01, 20, 1), (6, 1, 20, 4), (256, 0.3, 2560, 3), (4, 1.1, 40, 11)],
)
def test_steps(configure: Make, batch: int, epochs: float, samples: int, steps: int) -> None:
    assert total_steps(configure(batch=batch, epochs=epochs), samples) == steps


def test_unreadable_samples_are_counted_named_and_bounded(
    tmp_path: Path, configure: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = loop.fetch

    def faulty(*given: Any) -> tuple[Batch | None, int]:
        batch, _ = fetch(*given)
        if batch is not None:
            object.__setattr__(batch, "faults", (f"00000.tar, sample {batch.step}: torn",))
        return batch, 1

    monkeypatch.setattr(loop, "fetch", faulty)
    said: list[str] = []
    with pytest.raises(RunError, match=r"5 of 20 samples could not be read, more than data.max_skipped=0.01"):
        train(configure(), say=said.append)
    named = [line for line in said if "torn" in line]
    assert named[0] == "warning: 00000.tar, sample 0: torn; another stands in its place"
    assert read_log(tmp_path / "out")[3]["skipped"] == 4
    loop.check_skipped(Progress(step=100, skipped=40, settings={}), configure(data={"max_skipped": 0.1}))
    progress = json.loads((checkpoints(tmp_path / "out")[-1] / "progress.json").read_text())
    assert (progress["step"], progress["skipped"]) == (3, 3)
