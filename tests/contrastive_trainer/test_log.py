"""Rows of figures: resumed runs neither double nor lose one."""

import json
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from contrastive_trainer.log import Log, read_log


def write(folder: Path, first: int, steps: list[int]) -> None:
    written = Log(folder, step=first)
    for step in steps:
        written.write(step, {"loss": first + step / 10})
    written.close()


def test_a_run_that_resumes_drops_later_rows_and_keeps_that_of_its_step(tmp_path: Path) -> None:
    write(tmp_path, 0, [10, 20, 30, 40])
    write(tmp_path, 20, [30, 40, 50])
    assert [(row["step"], row["loss"]) for row in read_log(tmp_path)] == [
        (10, 1.0), (20, 2.0), (30, 23.0), (40, 24.0), (50, 25.0),
    ]  # fmt: skip
    write(tmp_path, 0, [10])
    assert [row["step"] for row in read_log(tmp_path)] == [10]


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, 0, [1, 2])
    with (tmp_path / "log.jsonl").open("ab") as stream:
        stream.write(b'[1]\n{"step": "x"}\n\xff\n{"step": 3, "lo')
    assert [row["step"] for row in read_log(tmp_path)] == [1, 2]
    write(tmp_path, 2, [3])
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]


def test_tensorboard_shows_the_same(tmp_path: Path) -> None:
    write(tmp_path, 0, [10, 20])
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(10, 1.0), (20, 2.0)]


def test_without_tensorboard_there_are_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    write(tmp_path, 0, [1])
    assert read_log(tmp_path) == [{"step": 1, "loss": 0.1}]
    assert not (tmp_path / "tensorboard").exists()
