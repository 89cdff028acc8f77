"""Thresholds are those of the papers, and one that means nothing is refused."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.filters import Filter

FILTER: TypeAdapter[Any] = TypeAdapter(Filter)


def make(**values: Any) -> Any:
    return FILTER.validate_python(values)


def test_defaults_are_the_papers() -> None:
    words, chars, side, aspect, language, size = (
        make(kind=kind) for kind in ("words", "chars", "side", "aspect", "language", "bytes")
    )
    assert (words.min, words.max) == (3, None)  # DataComp: more than 2 words
    assert (chars.min, chars.max) == (6, None)  # and more than 5 characters
    assert side.min_px == 200
    assert aspect.max == 3.0
    assert language.allow == ("en",)
    assert size.min == 5000  # LAION-400M


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "pixels"}, "give min, max or both"),
        ({"kind": "contrast"}, "give min, max or both"),
        ({"kind": "words", "min": None}, "give min, max or both"),
        ({"kind": "words", "min": 5, "max": 4}, "min 5 is over max 4"),
        ({"kind": "aspect", "max": 0.5}, "greater than or equal to 1"),
        ({"kind": "side", "min_px": 0}, "greater than or equal to 1"),
        ({"kind": "json", "min": 1}, "Field required"),
        ({"kind": "json", "field": "", "min": 1}, "at least 1 character"),
        ({"kind": "repetition", "max": 2}, "less than or equal to 1"),
        ({"kind": "language", "min_probability": 2}, "less than or equal to 1"),
        ({"kind": "html", "min": 1}, "Extra inputs are not permitted"),
        ({"kind": "nonsense"}, "does not match any of the expected tags"),
        ({}, "Unable to extract tag"),
    ],
)
def test_what_means_nothing_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        FILTER.validate_python(values)


def test_bounds_may_be_equal_and_filters_do_not_change() -> None:
    one = make(kind="words", min=4, max=4)
    with pytest.raises(ValidationError, match="frozen"):
        one.min = 5
