"""Records become JSON without losing a figure."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from clip_evaluation.figure import Figure, figures, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    top: Figure
    by_k: dict[int, Figure]
    names: tuple[str, ...]
    missing: float | None


def record() -> Record:
    figure = Figure(value=0.5, n=4, chance=0.25, items=np.array([1, 1, 0, 0], dtype=np.float32))
    return Record(top=figure, by_k={5: Figure(value=1.0, n=4)}, names=("a", "b"), missing=math.nan)


def test_every_figure_has_its_path() -> None:
    assert [(path, figure.value) for path, figure in figures({"probe": record()})] == [
        ("probe.top", 0.5),
        ("probe.by_k.5", 1.0),
    ]


def test_json_has_all_but_the_single_items() -> None:
    told = json.loads(json.dumps(to_json(record()), allow_nan=False))
    assert told["top"] == {
        "value": 0.5, "n": 4, "chance": 0.25, "low": None, "high": None, "lower_is_better": False,
    }  # fmt: skip
    assert told["by_k"]["5"]["value"] == 1.0
    assert told["names"] == ["a", "b"]
    assert told["missing"] is None


def test_numpy_values() -> None:
    assert to_json({"a": np.int64(3), "b": np.float32(0.5), "c": np.bool_(True), "d": np.arange(2)}) == {
        "a": 3, "b": 0.5, "c": True, "d": [0, 1],
    }  # fmt: skip


def test_what_has_no_counterpart() -> None:
    with pytest.raises(TypeError, match="object"):
        to_json({"a": object()})
