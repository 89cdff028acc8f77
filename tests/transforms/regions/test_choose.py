import doctest
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.boxes import Box, area
from schemas.choosing import Choosing
from schemas.regions import Region, read_region, region_json
from transforms.regions import choose as choose_module
from transforms.regions.choose import NO_PHRASE, OVER_LIMIT, TOO_SMALL, choose, likeness
from transforms.regions.soft_nms import BAD_BOX, BAD_SCORE, DECAYED, LOW_SCORE, METHODS, NO_AREA

LEFT: Box = (0.0, 0.0, 0.5, 1.0)
RIGHT: Box = (0.5, 0.0, 1.0, 1.0)
MOST: Box = (0.0, 0.0, 0.75, 1.0)
"""Its overlap with LEFT is 2 / 3, with RIGHT 1 / 4."""


def found(*rows: tuple[Any, str, float | None]) -> list[Region]:
    return [Region(box=box, phrase=phrase, raw_score=score) for box, phrase, score in rows]


def test_examples() -> None:
    assert doctest.testmod(choose_module).failed == 0


def test_phrases_alike_lower_each_other_and_others_do_not() -> None:
    chosen = choose(
        found(
            (LEFT, "the brown dog", 0.8), (MOST, "a dog", 0.9), (MOST, "a sofa", 0.5), (RIGHT, "dogs", 0.4)
        ),
        Choosing(),
    )
    assert [(r.phrase, r.score, r.raw_score) for r in chosen.regions] == [
        ("a dog", 0.9, 0.9),
        ("a sofa", 0.5, 0.5),
        ("dogs", 0.4, 0.4),
        ("the brown dog", 0.266667, 0.8),
    ]
    assert chosen.dropped == {}


def test_likeness_is_no_chain() -> None:
    """A black and a brown dog are each like a dog and not like each other."""
    chosen = choose(found((LEFT, "a black dog", 0.9), (LEFT, "a brown dog", 0.8)), Choosing(method="hard"))
    assert len(chosen.regions) == 2
    chosen = choose(
        found((LEFT, "a black dog", 0.9), (LEFT, "a brown dog", 0.8), (LEFT, "a dog", 0.7)),
        Choosing(method="hard"),
    )
    assert [r.phrase for r in chosen.regions] == ["a black dog", "a brown dog"]


def test_class_agnostic() -> None:
    rows = found((LEFT, "a dog", 0.9), (LEFT, "a sofa", 0.8), (RIGHT, "a cup", 0.2))
    chosen = choose(rows, Choosing(rivals="all"))
    assert [(r.phrase, r.score) for r in chosen.regions] == [("a dog", 0.9), ("a cup", 0.2)]
    assert chosen.dropped == {DECAYED: 1}
    assert len(choose(rows, Choosing()).regions) == 3


def test_floors_before_and_after() -> None:
    rows = found((MOST, "a dog", 0.9), (LEFT, "a dog", 0.3), (RIGHT, "a dog", 0.09), (RIGHT, "a cat", 0.11))
    chosen = choose(rows, Choosing(min_score=0.1, min_decayed=0.05))
    assert [(r.phrase, r.score) for r in chosen.regions] == [
        ("a dog", 0.9),
        ("a cat", 0.11),
        ("a dog", 0.1),
    ]
    assert chosen.dropped == {LOW_SCORE: 1}
    chosen = choose(rows, Choosing(min_score=0.3, min_decayed=0.12))
    assert [r.score for r in chosen.regions] == [0.9]
    assert chosen.dropped == {LOW_SCORE: 2, DECAYED: 1}


def test_boxes_are_cut_to_the_picture() -> None:
    rows = found(
        ((-0.5, 0.1, 0.5, 3.0), "a dog", 0.9), ((1.0, 0.0, 2.0, 1.0), "a cat", 0.9), ((0, 0, 1, 1), "a", 0.9)
    )
    chosen = choose(rows, Choosing())
    assert [r.box for r in chosen.regions] == [(0.0, 0.1, 0.5, 1.0), (0.0, 0.0, 1.0, 1.0)]
    assert chosen.dropped == {NO_AREA: 1}


def test_each_fault_has_its_reason() -> None:
    nan, inf = math.nan, math.inf
    rows = found(
        (LEFT, " ", 0.9), ((0.0, nan, 1.0, 1.0), "a dog", 0.9), ((0.0, 0.0, inf, 1.0), "a dog", 0.9),
        (LEFT, "a dog", nan), (LEFT, "a dog", inf), ((0.5, 0.0, 0.5, 1.0), "a dog", 0.9),
        ((0.8, 0.0, 0.2, 1.0), "a dog", 0.9), ((0.0, 0.0, 0.09, 0.1), "a dog", 0.9), (LEFT, "a dog", 0.01),
    )  # fmt: skip
    chosen = choose(rows, Choosing(min_area=0.01))
    assert chosen.regions == ()
    assert chosen.dropped == {NO_PHRASE: 1, BAD_BOX: 2, BAD_SCORE: 2, NO_AREA: 2, TOO_SMALL: 1, LOW_SCORE: 1}


def test_the_best_are_kept_and_the_first_of_equals() -> None:
    rows = found(*(((k / 8, 0.0, (k + 1) / 8, 1.0), f"a {k}", 0.5 if k % 2 else 0.6) for k in range(8)))
    chosen = choose(rows, Choosing(max_regions=5))
    assert [r.phrase for r in chosen.regions] == ["a 0", "a 2", "a 4", "a 6", "a 1"]
    assert chosen.dropped == {OVER_LIMIT: 3}


def test_a_box_without_confidence_counts_as_sure() -> None:
    chosen = choose(found((MOST, "a dog", None), (LEFT, "dog", None)), Choosing(method="gaussian"))
    second = round(math.exp(-((2 / 3) ** 2) / 0.5), 6)
    assert [(r.score, r.raw_score) for r in chosen.regions] == [(1.0, None), (second, None)]


def test_nothing_found() -> None:
    chosen = choose([], Choosing())
    assert (chosen.regions, dict(chosen.dropped)) == ((), {})


WORDS = ["a dog", "the dogs", "a brown dog", "a cat", "sofa", "a couch", "", "\ud800", "\u72d7", "the"]
NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, -1.0, 2.0, math.nan, math.inf]) | st.floats()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.tuples(*[NUMBERS] * 4), st.sampled_from(WORDS), st.none() | NUMBERS), max_size=12),
    st.builds(
        Choosing,
        method=st.sampled_from(METHODS),
        rivals=st.sampled_from(["phrase", "all"]),
        min_area=st.sampled_from([0.0, 0.001, 0.25]),
        max_regions=st.sampled_from([1, 3, 20]),
    ),
)
def test_what_is_kept_is_publishable_and_the_rest_is_counted(
    rows: list[tuple[Any, str, float | None]], choosing: Choosing
) -> None:
    regions = found(*rows)
    chosen = choose(regions, choosing)
    assert len(chosen.regions) + sum(chosen.dropped.values()) == len(rows)
    assert choose(regions, choosing) == chosen
    for region in chosen.regions:
        assert read_region(region_json(region)) == region
        assert area(region.box) >= choosing.min_area
        assert region.score is not None
        assert region.score >= round(choosing.min_decayed, 6)
        raw = 1.0 if region.raw_score is None else region.raw_score
        assert choosing.min_score <= raw
        assert region.score <= raw


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("a dog", "the dog", 1.0),
        ("a puppy", "puppies", 1.0),
        ("a brown dog", "dog", 1 / 2),
        ("a black dog", "a brown dog", 1 / 3),
        ("a red car", "a red truck", 0.0),
        ("dog house", "house dog", 0.0),
        ("\u72d7", "\u72d7", 1.0),
        ("the", "a", 1.0),
        ("the", "a dog", 0.0),
    ],
)
def test_likeness(one: str, other: str, wanted: float) -> None:
    assert likeness(one, other) == likeness(other, one) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "setting",
    [
        {"min_score": -0.1},
        {"min_score": 1.01},
        {"min_decayed": 30},
        {"min_score": math.nan},
        {"min_area": 1.0},
        {"same_phrase": 0.0},
        {"max_regions": 0},
        {"sigma": 0.0},
        {"min_decayed": 0.0},
        {"overlap": 1.5},
        {"method": "soft"},
    ],
)
def test_bad_settings(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(setting))):
        Choosing(**setting)
