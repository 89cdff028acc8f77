"""Sentences that are true or false, each item once."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clip_evaluation.datasets.nlvr_scenes import read_nlvr_scenes
from schemas.errors import RunError


def test_real_shards(shared_data: Path) -> None:
    left_out: Counter[str] = Counter()
    found = list(read_nlvr_scenes(shared_data / "nlvr_scenes", left_out))
    assert len(found) + left_out["repeats"] == 5934
    assert (
        left_out["repeats"] == 158
    )  # of the 248 copies of pictures, those that come with the same sentence again
    assert len({(s.sentence, s.image) for s in found}) == len(found)
    true = sum(s.is_true for s in found)
    assert 0.5 < true / len(found) < 0.6
    assert len({s.sentence for s in found}) <= 249


def members(rows: list[tuple[bytes, Any]]) -> list[tuple[str, bytes]]:
    return [
        member
        for number, (image, record) in enumerate(rows)
        for member in ((f"{number}.png", image), (f"{number}.json", json.dumps(record).encode()))
    ]


def test_repeats_are_left_out(write_tar: Callable[..., Path]) -> None:
    a, b = {"text": "a ", "label": 1}, {"text": "b", "label": 0}
    path = write_tar("set/0.tar", members([(b"x", a), (b"x", a), (b"x", b), (b"y", a)]))
    left_out: Counter[str] = Counter()
    found = list(read_nlvr_scenes(path.parent, left_out))
    assert [(s.image, s.sentence, s.is_true) for s in found] == [
        (b"x", "a", True), (b"x", "b", False), (b"y", "a", True),
    ]  # fmt: skip
    assert left_out == {"repeats": 1}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(b"x", {"text": "a", "label": 1}), (b"x", {"text": "a", "label": 0})], "and the other label"),
        ([(b"x", {"text": "a"})], "label is None"),
        ([(b"x", {"text": "a", "label": 0.0})], "label is 0.0"),
        ([(b"x", {"text": "a", "label": "1"})], "label is '1'"),
        ([(b"x", {"text": " ", "label": 1})], "sentence is empty"),
    ],
)
def test_broken_records(write_tar: Callable[..., Path], rows: list[tuple[bytes, Any]], told: str) -> None:
    path = write_tar("set/0.tar", members(rows))
    with pytest.raises(RunError, match=told):
        list(read_nlvr_scenes(path.parent, Counter()))
