"""Curate, train, score, curate again: the whole loop, as small as it still learns something."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.rounds import SHARE, Plan, run
from pipelines.verify import verify


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_second_rounds_captions_are_more_often_true(tmp_path: Path) -> None:
    first, second = run(tmp_path, Plan(scenes=2000, samples_seen=10_000))
    assert first.total() == 2000
    assert second.total() == round(SHARE * 2000)
    assert first["true"] / 2000 == pytest.approx(0.6, abs=0.03)  # as planted
    assert second["true"] / second.total() > first["true"] / 2000 + 0.1
    assert second["swapped"] < first["swapped"] / 2
    report = (tmp_path / "second" / "report.html").read_text()
    assert "Against first-round" in report
    told = json.loads((tmp_path / "second" / "run.json").read_text())["composition"]["kind"]
    assert (told["values"], told["others"], told["missing"]) == (dict(second), 0, 0)
    scorers = [
        json.loads((tmp_path / name / "run.json").read_text())["score"]["clip"]
        for name in ("first", "second")
    ]
    assert scorers[0] == scorers[1]  # both by the checkpoint that was trained
    assert verify(str(tmp_path / "first")) == verify(str(tmp_path / "second")) == []
