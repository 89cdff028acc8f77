"""Whole runs in the process of the tests: what they leave, refuse and say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from contrastive_trainer import loop, objective
from contrastive_trainer.checkpoints import Progress, checkpoints
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.log import read_log
from contrastive_trainer.model import load_clip
from contrastive_trainer.training import settings_mark, total_steps, train
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig

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
    assert "10 steps done" in said[-1]
    assert capsys.readouterr().out == ""


def test_a_preset_with_a_tokenizer_of_the_shards(tmp_path: Path, configure: Make) -> None:
    config = configure(
        model={"preset": "tiny", "image_size": 16, "text_length": 12},
        tokenizer={"vocabulary": 300},
        epochs=0.2,
        optim={"ema": 0.5},
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
    train(configure(epochs=0.2), say=quiet)
    before = sorted((tmp_path / "out").rglob("*"))
    for change in ({"seed": 5}, {"epochs": 0.4}, {"data": {"shards": f"{shards}/00000.tar"}}):
        with pytest.raises(
            ConfigError, match="step-00000001 was trained with another configuration or other"
        ):
            train(configure(**{"epochs": 0.2} | change), say=quiet)
    assert sorted((tmp_path / "out").rglob("*")) == before
    free = {"data": {"workers": 2}, "checkpoint_steps": 5, "chunk": 2, "log_steps": 3}
    assert train(configure(epochs=0.2, **free), say=quiet).finished


def test_a_damaged_checkpoint_and_the_one_before(tmp_path: Path, configure: Make) -> None:
    config = configure()
    train(config, say=quiet)
    last = checkpoints(tmp_path / "out")[-1]
    final = (tmp_path / "out" / "final" / "model.safetensors").read_bytes()
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
    assert said[1] == "goes on after step 9"
    assert (tmp_path / "out" / "final" / "model.safetensors").read_bytes() == final


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 21}, "batch: 21 is more than the 20 samples of data.shards; lower it"),
        ({"chunk": 3}, "chunk: 3 does not divide the 4 samples of a rank; change it"),
        ({"data": {"shards": "none/*.tar"}}, "names no shard"),
        ({"model": {"checkpoint": "/none"}}, "'/none' cannot be loaded"),
        ({"tokenizer": {"path": "/none"}}, "'/none' cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_said_at_once(
    tmp_path: Path, configure: Make, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(configure(**changes), say=quiet)
    assert {path.name for path in tmp_path.glob("out/*")} <= {".lock"}


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


def test_the_mark_tells_what_decides_the_weights(configure: Make, shards: Path, tmp_path: Path) -> None:
    listed = list_shards([str(shards)])
    mark = settings_mark(configure(), listed)
    for same in (
        {"output": str(tmp_path / "b")}, {"chunk": 2}, {"device": "auto"}, {"data": {"workers": 5}},
        {"data": {"cache": "c"}}, {"compile": True}, {"keep_checkpoints": 9},
    ):  # fmt: skip
        assert settings_mark(configure(**same), listed) == mark
    for other in (
        {"seed": 1}, {"epochs": 3}, {"batch": 5}, {"precision": "bfloat16"}, {"texts": {"p_raw": 2}},
        {"data": {"shuffle_shards": 3}}, {"data": {"crop_scale": (0.5, 1)}}, {"optim": {"lr": 1}},
    ):  # fmt: skip
        assert settings_mark(configure(**other), listed) != mark
    shorter = TrainShard(path=listed[0].path, samples=listed[0].samples - 1)
    assert settings_mark(configure(), [shorter, *listed[1:]]) != mark
    moved = [
        TrainShard(path=f"/elsewhere/{Path(shard.path).name}", samples=shard.samples) for shard in listed
    ]
    assert settings_mark(configure(), moved) == mark
    signed = [TrainShard(path=f"https://example.com/0.tar?key={key}", samples=1) for key in (1, 2)]
    assert settings_mark(configure(), signed[:1]) == settings_mark(configure(), signed[1:])


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
    loop.check_skipped(Progress(step=100, skipped=40, settings=""), configure(data={"max_skipped": 0.1}))
    progress = json.loads((checkpoints(tmp_path / "out")[-1] / "progress.json").read_text())
    assert (progress["step"], progress["skipped"]) == (3, 3)
