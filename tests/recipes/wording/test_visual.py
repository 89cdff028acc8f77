import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.wording.visual import colour_tags, measure
from schemas.facts import COLOURS, Facts

BLANK = Facts(index=0, uid="u", key="k")


def shares(**named: float) -> tuple[float, ...]:
    return tuple(named.get(colour, 0.0) for colour in COLOURS)


def sentences(facts: Facts) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for n in range(60):
        for m in measure(replace(facts, uid=str(n))):
            found.setdefault(m.topic, set()).add((m.positive, m.negative))
    return found


def test_nothing_measured_nothing_said() -> None:
    assert measure(BLANK) == []
    assert colour_tags(BLANK) == []


@pytest.mark.parametrize(
    ("width", "height", "orientation", "word"),
    [
        (400, 300, 1, "wide"),
        (300, 400, 1, "tall"),
        (400, 300, 6, "tall"),
        (400, 300, 3, "wide"),
        (300, 400, 8, "wide"),
    ],
)
def test_format_is_that_of_the_turned_picture(width: int, height: int, orientation: int, word: str) -> None:
    facts = replace(BLANK, width=width, height=height, orientation=orientation)
    wide = {
        ("The picture is wider than it is tall.", "The picture is taller than it is wide."),
        ("The picture is in landscape format.", "The picture is in portrait format."),
    }
    expected = wide if word == "wide" else {(b, a) for a, b in wide}
    assert sentences(facts) == {"format": expected}
    assert {m.clause for m in measure(facts)} == {f", in a {word} picture"}


def test_a_square_is_square_and_nearly_square_is_nothing() -> None:
    assert [m.positive for m in measure(replace(BLANK, width=50, height=50))] == ["The picture is square."]
    assert measure(replace(BLANK, width=105, height=100)) == []


def test_the_false_colour_is_absent_and_far() -> None:
    facts = replace(
        BLANK, colour_shares=shares(blue=0.6, white=0.25, orange=0.1, red=0.05), brightness=120, contrast=50
    )
    pairs = sentences(facts)
    assert set(pairs) == {"colour"}
    named = {negative.removesuffix(".").split()[-1] for _, negative in pairs["colour"]}
    assert named == {"yellow", "pink", "brown"}
    assert all("blue" in positive for positive, _ in pairs["colour"])


def test_less_than_half_is_not_mostly_and_a_tie_is_nothing() -> None:
    some = replace(BLANK, colour_shares=shares(green=0.4, grey=0.3, white=0.3), brightness=120, contrast=50)
    assert {p for p, _ in sentences(some)["colour"]} == {
        "The most common colour in the picture is green.",
        "The picture has more green than any other colour.",
    }
    tie = replace(some, colour_shares=shares(green=0.35, grey=0.33, white=0.32))
    assert sentences(tie) == {}


@pytest.mark.parametrize(("luma", "word", "false"), [(40.0, "dark", "bright"), (220.0, "bright", "dark")])
def test_light(luma: float, word: str, false: str) -> None:
    facts = replace(BLANK, colour_shares=shares(), brightness=luma, contrast=50)
    assert all(word in p and false in n for p, n in sentences(facts)["light"])


@pytest.mark.parametrize(
    ("cell", "true", "false"),
    [
        (0, "in the top left corner", "in the bottom right corner"),
        (1, "at the top", "at the bottom"),
        (3, "on the left", "on the right"),
        (6, "in the bottom left corner", "in the top right corner"),
    ],
)
def test_the_brightest_cell(cell: int, true: str, false: str) -> None:
    grid = bytearray([100] * 27)
    grid[3 * cell : 3 * cell + 3] = b"\xc0\xc0\xc0"
    pairs = sentences(replace(BLANK, colour_grid=bytes(grid)))["brightest"]
    assert pairs == {
        (f"The brightest part is {true}.", f"The brightest part is {false}."),
        (f"The light is strongest {true}.", f"The light is strongest {false}."),
    }
    assert measure(replace(BLANK, colour_grid=bytes(grid), orientation=6)) == []


def test_halves() -> None:
    grid = b"\xf0" * 9 + b"\x80" * 9 + b"\x10" * 9
    (halves,) = [m for m in measure(replace(BLANK, colour_grid=grid)) if m.topic == "halves"]
    assert halves.positive == "The top of the picture is brighter than the bottom."
    assert halves.negative == "The top of the picture is darker than the bottom."


def test_a_background_tag_needs_the_four_corners() -> None:
    facts = replace(
        BLANK, colour_shares=shares(white=0.8, red=0.2), colour_grid=b"\xff" * 12 + b"\x40" * 3 + b"\xff" * 12
    )
    assert ("white background", "black background") in colour_tags(facts)
    assert colour_tags(facts)[0][0] == "mostly white"
    assert len(colour_tags(replace(facts, colour_grid=b"\x40" * 3 + b"\xff" * 24))) == 1


NUMBERS = st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -1.0])


@given(
    st.lists(NUMBERS, max_size=12),
    st.none() | st.binary(max_size=30),
    st.floats(),
    st.floats(),
    st.integers(-1, 9),
    st.integers(-1, 9),
)
def test_odd_facts_are_survived(
    colours: list[float], grid: bytes | None, luma: float, contrast: float, width: int, height: int
) -> None:
    facts = replace(
        BLANK,
        colour_shares=tuple(colours),
        colour_grid=grid,
        brightness=luma,
        contrast=contrast,
        width=width,
        height=height,
    )
    for m in measure(facts):
        assert m.positive != m.negative
        assert (m.clause == "") == (m.false_clause == "")
    colour_tags(facts)
