"""Sentences that are true by measurement, each with a contradiction that is false by measurement.

All thresholds are on the 64 x 64 picture of `schemas.facts.Facts`, and set wide of the border, so that
a measurement made at another size still agrees.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from recipes.wording.attributes import FAR_COLOURS
from recipes.wording.draws import draw
from schemas.facts import COLOURS, Facts

MOSTLY_SHARE = 0.5
LEADING_SHARE = 0.25
LEADING_MARGIN = 0.1  # over the second colour
ABSENT_SHARE = 0.02
TRACE_SHARE = 0.005  # 20 of the 4,096 pixels: less is no thing that a caption names
DARK_LUMA = 80.0  # mean luma at most; mid grey is 128
BRIGHT_LUMA = 175.0
FLAT_CONTRAST = 30.0  # standard deviation of the luma at most; an even spread has 74
STRONG_CONTRAST = 70.0
ORIENTATION_RATIO = 1.1
CELL_MARGIN = 8.0  # luma between the brightest cell and the next
FACING_MARGIN = 30.0  # luma between opposite cells or halves
BACKGROUND_LEVEL = 24  # of each channel, from white or black, in the four corner cells

_CELLS = (
    "top left corner", "top", "top right corner", "left", "middle", "right",
    "bottom left corner", "bottom", "bottom right corner",
)  # fmt: skip
_MOSTLY: tuple[tuple[str, ...], str] = (
    ("The picture is mostly {}.", "Most of the picture is {}.", "The main colour is {}."),
    ", in a mostly {} picture",
)
_LEADING: tuple[tuple[str, ...], str] = (
    ("The most common colour in the picture is {}.", "The picture has more {} than any other colour."),
    ", in a picture with a lot of {}",
)
_FIRST_TRANSPOSED = 5  # EXIF orientations 5..8 swap width and height


class Measure(NamedTuple):
    """A measured sentence and its contradiction; where it has them, the same as clauses for a caption."""

    topic: str
    positive: str
    negative: str
    clause: str = ""
    false_clause: str = ""


class _Leading(NamedTuple):
    """The leading colour, a far one that is absent, and the share of the first."""

    colour: str
    absent: str
    share: float


def measure(facts: Facts) -> list[Measure]:
    """Return what can be said of the picture, in a fixed order; nothing that was not measured."""
    return [
        m
        for m in (_colour(facts), _orientation(facts), _light(facts), _contrast(facts), *_layout(facts))
        if m
    ]


def present_colours(facts: Facts) -> frozenset[str]:
    """Return the colours that the picture may hold; none where they were not measured."""
    if len(facts.colour_shares) != len(COLOURS):
        return frozenset()
    return frozenset(
        [c for c, share in zip(COLOURS, facts.colour_shares, strict=True) if not share < TRACE_SHARE]
    )


def colour_tags(facts: Facts) -> list[tuple[str, str]]:
    """Return tags of colour and background with their contradictions."""
    found = _leading(facts.uid, facts.colour_shares)
    if found is None or found.share < MOSTLY_SHARE:
        return []
    colour, absent, _ = found
    tags = [(f"mostly {colour}", f"mostly {absent}")]
    grid = facts.colour_grid or b""
    corners = [grid[3 * cell : 3 * cell + 3] for cell in (0, 2, 6, 8)] if len(grid) == 27 else []
    for name, level in (("white", 255), ("black", 0)):
        if corners and all(abs(value - level) <= BACKGROUND_LEVEL for cell in corners for value in cell):
            opposite = "black" if name == "white" else "white"
            tags.append((f"{name} background", f"{opposite} background"))
    return tags


def _pick(facts: Facts, topic: str, templates: Sequence[str]) -> str:
    return templates[draw(facts.uid, topic, len(templates))]


@lru_cache(16)
def _leading(uid: str, shares: tuple[float, ...]) -> _Leading | None:
    """Return the leading colour; both the sentences and the tags of a sample ask for it."""
    if len(shares) != len(COLOURS) or not all(0 <= share <= 1 for share in shares):
        return None
    second, share = sorted(shares)[-2:]
    if share < LEADING_SHARE or share - second < LEADING_MARGIN:
        return None
    colour = COLOURS[shares.index(share)]
    far = FAR_COLOURS[colour]
    absent = [c for c, held in zip(COLOURS, shares, strict=True) if held < ABSENT_SHARE and c in far]
    return _Leading(colour, absent[draw(uid, "absent", len(absent))], share) if absent else None


def _colour(facts: Facts) -> Measure | None:
    found = _leading(facts.uid, facts.colour_shares)
    if found is None:
        return None
    templates, clause = _MOSTLY if found.share >= MOSTLY_SHARE else _LEADING
    template = _pick(facts, "colour", templates)
    true, false, _ = found
    return Measure(
        "colour", template.format(true), template.format(false), clause.format(true), clause.format(false)
    )


def _orientation(facts: Facts) -> Measure | None:
    width, height = facts.width, facts.height
    if facts.orientation >= _FIRST_TRANSPOSED:
        width, height = height, width
    if width <= 0 or height <= 0:
        return None
    if width == height:
        return Measure(
            "format",
            "The picture is square.",
            "The picture is far wider than it is tall.",
            ", in a square picture",
            ", in a very wide picture",
        )
    if max(width, height) < ORIENTATION_RATIO * min(width, height):
        return None
    template, wide, tall = (
        ("The picture is {}.", "wider than it is tall", "taller than it is wide"),
        ("The picture is in {} format.", "landscape", "portrait"),
    )[draw(facts.uid, "format", 2)]
    sentences, clauses = (
        (template.format(wide), template.format(tall)),
        (", in a wide picture", ", in a tall picture"),
    )
    return (
        Measure("format", *sentences, *clauses)
        if width > height
        else _turned(Measure("format", *sentences, *clauses))
    )


def _turned(m: Measure) -> Measure:
    return Measure(m.topic, m.negative, m.positive, m.false_clause, m.clause)


def _light(facts: Facts) -> Measure | None:
    if not facts.colour_shares or not (facts.brightness <= DARK_LUMA or facts.brightness >= BRIGHT_LUMA):
        return None
    names = ("dark", "bright") if facts.brightness <= DARK_LUMA else ("bright", "dark")
    template = _pick(
        facts, "light", ("The picture is {} overall.", "The picture is {}.", "It is a {} picture.")
    )
    true, false = names
    clauses = (f", in a {true} picture", f", in a {false} picture")
    return Measure("light", template.format(true), template.format(false), *clauses)


def _contrast(facts: Facts) -> Measure | None:
    if not facts.colour_shares or not (facts.contrast <= FLAT_CONTRAST or facts.contrast >= STRONG_CONTRAST):
        return None
    names = ("low", "high") if facts.contrast <= FLAT_CONTRAST else ("high", "low")
    template = _pick(facts, "contrast", ("The contrast is {}.", "The picture has {} contrast."))
    return Measure("contrast", *(template.format(name) for name in names))


def _layout(facts: Facts) -> list[Measure]:
    """Return sentences on where the light is. A picture to be turned is left out: the grid lies as stored."""
    grid = facts.colour_grid or b""
    if len(grid) != 27 or facts.orientation != 1:
        return []
    # Rec. 601 luma, as Pillow's `L`.
    luma = [0.299 * grid[i] + 0.587 * grid[i + 1] + 0.114 * grid[i + 2] for i in range(0, 27, 3)]
    return [m for m in (_brightest(facts, luma), _halves(luma)) if m]


def _brightest(facts: Facts, luma: Sequence[float]) -> Measure | None:
    ranked = sorted(range(9), key=luma.__getitem__, reverse=True)
    best = ranked[0]
    # The opposite of the middle is the darkest cell.
    opposite = 8 - best if best != 4 else ranked[-1]
    if luma[best] - luma[ranked[1]] < CELL_MARGIN or luma[best] - luma[opposite] < FACING_MARGIN:
        return None
    template = _pick(facts, "brightest", ("The brightest part is {}.", "The light is strongest {}."))
    return Measure("brightest", *(template.format(_where(cell)) for cell in (best, opposite)))


def _where(cell: int) -> str:
    name = _CELLS[cell]
    if name.endswith("corner"):
        return f"in the {name}"
    return (
        "in the middle" if cell == 4 else f"at the {name}" if name in ("top", "bottom") else f"on the {name}"
    )


def _halves(luma: Sequence[float]) -> Measure | None:
    for first, second, ours, theirs in (
        ("top", "bottom", luma[:3], luma[6:]),
        ("left side", "right side", luma[0::3], luma[2::3]),
    ):
        difference = (sum(ours) - sum(theirs)) / 3
        if abs(difference) >= FACING_MARGIN:
            names = ("brighter", "darker") if difference > 0 else ("darker", "brighter")
            return Measure(
                "halves", *(f"The {first} of the picture is {n} than the {second}." for n in names)
            )
    return None
