import doctest
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import regions
from schemas.regions import Region, read_region, region_json

SIDES = st.floats(0, 1)
SCORES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def test_examples() -> None:
    assert doctest.testmod(regions).failed == 0


@given(SIDES, SIDES, SIDES, SIDES, st.text(), SCORES, SCORES)
def test_what_is_written_is_read_back(
    x0: float, y0: float, x1: float, y1: float, phrase: str, score: float | None, raw: float | None
) -> None:
    region = Region(box=(x0, y0, x1, y1), phrase=phrase, score=score, raw_score=raw)
    written = region_json(region)
    assert list(written) == ["box", "phrase", "score", "raw_score"]
    is_good = x0 < x1 and y0 < y1 and (x1 - x0) * (y1 - y0) > 0 and phrase.strip() != ""
    assert read_region(json.loads(json.dumps(written))) == (region if is_good else None)


GOOD: dict[str, Any] = {"box": [0, 0, 1, 1], "phrase": "a dog", "score": 0.5, "raw_score": 0.5}


@pytest.mark.parametrize(
    "change",
    [
        {"box": None}, {"box": [0, 0, 1]}, {"box": [0, 0, 1, "1"]}, {"box": [0, 0, 1, True]},
        {"box": [-0.1, 0, 1, 1]}, {"box": [0, 0, 1.1, 1]}, {"box": [0.5, 0, 0.5, 1]}, {"box": [1, 0, 0, 1]},
        {"box": [0, 0, 1, float("nan")]}, {"phrase": None}, {"phrase": " \n"}, {"phrase": ["a dog"]},
        {"score": float("nan")}, {"score": "0.5"}, {"score": True}, {"raw_score": float("inf")},
        {"raw_score": 10**400},
    ],
)  # fmt: skip
def test_what_is_no_region(change: dict[str, Any]) -> None:
    assert read_region(GOOD) is not None
    assert read_region(GOOD | change) is None


@pytest.mark.parametrize("value", [None, [], "a dog", 1, {}])
def test_what_is_no_object(value: object) -> None:
    assert read_region(value) is None
