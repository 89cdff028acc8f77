"""Texts of the closed loop: alt text as on the web, and what a model would write of a scene.

The alt texts are true where they say something at all, but few say much. The other texts are of a reading of
the scene (see `closed_loop_scenes.misread`), which stands in for a vision-language model: nothing is asked of one.
"""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.closed_loop_scenes import (
    COLOUR_NAMES,
    OPPOSITES,
    PLACES,
    SHAPE_NAMES,
    Reading,
    Thing,
    other,
)
from demo_data.web_texts import ADS, ADS_WITH_URL, FILE_NAMES, TOO_SHORT

Random = np.random.Generator

ALT_KINDS = {"all objects": 0.15, "one object": 0.40, "half a phrase": 0.15, "nothing of it": 0.30}
"""Share of the alt texts that name so much of their picture."""

_ONE = ("{} clip art", "{}", "cute {} sticker", "{} icon, free download", "photo of a {}", "{} | stock vector",
        "my little {}", "new {} for sale", "{} - pictures and wallpapers", "a {} on a plain background")
_ALL = ("{}, vector set", "{} clip art", "stickers: {}", "{} on white", "picture with {}", "shop {} online")
_HALF = ("nice {} one", "{}", "{} things", "so {}!", "the best {} of the year", "{} design")
_JUNK = (*ADS, *ADS_WITH_URL, *FILE_NAMES, *TOO_SHORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a published sample holds of texts; fields as in KEY.json."""

    long_positive: tuple[str, ...]
    long_negative: tuple[str, ...]
    short_positive: tuple[str, ...]
    short_negative: tuple[str, ...]


def alt_text(truth: Reading, random: Random) -> str:
    """Return an alt text: of the kinds and shares of `ALT_KINDS`."""
    kind = random.choice(len(ALT_KINDS), p=list(ALT_KINDS.values()))
    thing = truth.things[random.integers(len(truth.things))]
    if kind == 0:
        order = random.permutation(len(truth.things))
        return _fill(_ALL, " and ".join(truth.things[i].name for i in order), random)
    if kind == 1:
        return _fill(_ONE, thing.name, random)
    if kind == 2:
        return _fill(_HALF, (thing.colour, thing.shape)[random.integers(2)], random)
    return _JUNK[random.integers(len(_JUNK))]


def written_texts(reading: Reading, random: Random) -> Texts:
    """Return HQ-CLIP's four texts of a reading."""
    inventory, lying = inventory_text(reading), relation_text(reading)
    tags = tuple(thing.name for thing in reading.things)
    false_tags = {changed_thing(thing, kind, random).name for thing in reading.things for kind in (0, 1)}
    return Texts(
        long_positive=(inventory, lying),
        long_negative=(inventory_text(_false(reading, random, relation=False)),
                       relation_text(_false(reading, random, relation=True))),
        short_positive=tags,
        short_negative=tuple(sorted(false_tags - set(tags))),
    )


def inventory_text(reading: Reading) -> str:
    """Return the sentence that says what there is."""
    return " and ".join(f"{_article(thing.colour)} {thing.name}" for thing in reading.things)


def relation_text(reading: Reading) -> str:
    """Return the sentence that says how it lies."""
    first = reading.things[0].name
    if len(reading.things) == 1:
        return f"the {first} is at the {PLACES[reading.relation]}"
    return f"the {first} is {reading.relation} the {reading.things[1].name}"


def changed_thing(thing: Thing, kind: int, random: Random) -> Thing:
    """Return an object of another colour (kind 0) or of another shape (1)."""
    if kind == 0:
        return replace(thing, colour=other(COLOUR_NAMES, thing.colour, random))
    return replace(thing, shape=other(SHAPE_NAMES, thing.shape, random))


def swapped_colours(reading: Reading) -> Reading:
    """Return a reading of two objects with their colours exchanged."""
    a, b = reading.things
    return replace(reading, things=(replace(a, colour=b.colour), replace(b, colour=a.colour)))


def turned(reading: Reading) -> Reading:
    """Return a reading in which the objects lie the other way round."""
    return replace(reading, relation=OPPOSITES[reading.relation])


def _false(reading: Reading, random: Random, *, relation: bool) -> Reading:
    """Return a reading that contradicts another in one place, drawn evenly among the ways there are."""
    ways = [*range(2), *([2] if len(reading.things) == 2 else []), *([3] if relation else [])]
    way = ways[random.integers(len(ways))]
    if way == 3:
        return turned(reading)
    if way == 2 and reading.things[0].colour != reading.things[1].colour and reading.things[0].shape != reading.things[1].shape:
        return swapped_colours(reading)
    place = int(random.integers(len(reading.things)))
    things = list(reading.things)
    things[place] = changed_thing(things[place], way % 2, random)
    return replace(reading, things=tuple(things))


def _fill(templates: tuple[str, ...], name: str, random: Random) -> str:
    return templates[random.integers(len(templates))].format(name)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
