"""Texts of the closed loop: alt text as on the web, and what a model would write of a scene.

The second are written of a reading of the scene (`closed_loop_scenes.misread`): the ground truth with a
stated share of errors stands in for a vision-language model; none is asked.
"""

from dataclasses import replace
from typing import Any

from benchmarks.closed_loop_scenes import OPPOSITES, Random, Reading, changed
from demo_data.web_texts import ADS, ADS_WITH_URL, FILE_NAMES, TOO_SHORT

ALT_KINDS = {"all objects": 0.15, "one object": 0.40, "a colour or a shape": 0.15, "nothing of it": 0.30}
"""What the alt texts name of their picture, and how many do."""

PLACES = {"left of": "left", "right of": "right", "above": "upper", "below": "lower"}
"""Which of two the first is, by how it lies to the second."""
EDGES = {"left of": "left", "right of": "right", "above": "top", "below": "bottom"}
"""Where an object alone lies, by how it lies to the middle."""

_FRAMES = {
    "all objects": (
        "{}, vector set",
        "{} clip art",
        "stickers: {}",
        "{} on white",
        "picture with {}",
        "shop {} online",
    ),
    "one object": (
        "{}",
        "{} clip art",
        "cute {} sticker",
        "{} icon, free download",
        "photo of a {}",
        "{} | stock vector",
        "my little {}",
        "new {} for sale",
        "{} - pictures and wallpapers",
        "a {} on a plain background",
    ),
    "a colour or a shape": (
        "{}",
        "nice {} one",
        "{} things",
        "so {}!",
        "the best {} of the year",
        "{} design",
    ),
}
_JUNK = (*ADS, *ADS_WITH_URL, *FILE_NAMES, *TOO_SHORT)


def alt_text(truth: Reading, random: Random) -> tuple[str, str]:
    """Return an alt text, and its kind in `ALT_KINDS`; what it says is true."""
    kind = tuple(ALT_KINDS)[random.choice(len(ALT_KINDS), p=list(ALT_KINDS.values()))]
    names = [thing.name for thing in truth.things]
    if kind == "nothing of it":
        return _JUNK[random.integers(len(_JUNK))], kind
    if kind == "all objects":
        said = " and ".join(names[i] for i in random.permutation(len(names)))
    else:
        said = names[random.integers(len(names))]
    if kind == "a colour or a shape":
        said = said.split()[random.integers(2)]
    frames = _FRAMES[kind]
    return frames[random.integers(len(frames))].format(said), kind


def four_texts(reading: Reading, random: Random) -> dict[str, Any]:
    """Return HQ-CLIP's four texts of a reading, by field of KEY.json.

    A negative contradicts what its sentence adds: which objects there are, or how they lie.
    """
    tags = [thing.name for thing in reading.things]
    false = {changed(thing, kind, random).name for thing in reading.things for kind in (0, 1)}
    return {
        "long_positive": [inventory_text(reading), relation_text(reading)],
        "long_negative": [
            inventory_text(_other_inventory(reading, random)),
            relation_text(turned(reading)),
        ],
        "short_positive": tags,
        "short_negative": sorted(false.difference(tags)),
    }


def inventory_text(reading: Reading) -> str:
    """Return the sentence that says what there is."""
    return " and ".join(a_thing(thing.name) for thing in reading.things)


def relation_text(reading: Reading) -> str:
    """Return the sentence that says how it lies."""
    first = reading.things[0].name
    if len(reading.things) == 1:
        return f"the {first} is at the {EDGES[reading.relation]}"
    second, opposite = reading.things[1].name, OPPOSITES[reading.relation]
    return f"the {PLACES[reading.relation]} {first} and the {PLACES[opposite]} {second}"


def a_thing(name: str) -> str:
    """Return a name with its article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def swapped_colours(reading: Reading) -> Reading:
    """Return a reading of two objects with their colours exchanged."""
    a, b = reading.things
    return replace(reading, things=(replace(a, colour=b.colour), replace(b, colour=a.colour)))


def turned(reading: Reading) -> Reading:
    """Return a reading in which it lies the other way round."""
    return replace(reading, relation=OPPOSITES[reading.relation])


def changed_at(reading: Reading, place: int, kind: int, random: Random) -> Reading:
    """Return a reading with another colour (kind 0) or shape (kind 1) of one object."""
    things = list(reading.things)
    things[place] = changed(things[place], kind, random)
    return replace(reading, things=tuple(things))


def _other_inventory(reading: Reading, random: Random) -> Reading:
    """Return a reading with another colour, another shape or swapped colours, all alike probable."""
    ways = ["colour", "shape"]
    colours = {thing.colour for thing in reading.things}
    shapes = {thing.shape for thing in reading.things}
    if len(colours) == len(shapes) == 2:  # a misread scene may have two of a colour: nothing to swap
        ways.append("swap")
    way = ways[random.integers(len(ways))]
    if way == "swap":
        return swapped_colours(reading)
    place = int(random.integers(len(reading.things)))
    return changed_at(reading, place, ways.index(way), random)
