"""Texts of the closed loop: alt text as on the web, and what a model would write of a scene.

The second are written of a reading of the scene (`closed_loop_scenes.misread`): the ground truth with a stated
share of errors stands in for a vision-language model; none is asked.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from benchmarks.closed_loop_scenes import OPPOSITES, Random, Reading, changed
from demo_data.web_texts import ADS, ADS_WITH_URL, FILE_NAMES, TOO_SHORT

ALT_KINDS = {"all objects": 0.15, "one object": 0.40, "a colour or a shape": 0.15, "nothing of it": 0.30}
"""What the alt texts name of their picture, and how many do."""

PLACES = {"left of": "left", "right of": "right", "above": "top", "below": "bottom"}
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
    """Return HQ-CLIP's four texts of a reading, by field of KEY.json."""
    tags = [thing.name for thing in reading.things]
    false = {changed(thing, kind, random).name for thing in reading.things for kind in (0, 1)}
    return {
        "long_positive": [inventory_text(reading), relation_text(reading)],
        "long_negative": [
            inventory_text(_contradicted(reading, random, lying=False)),
            relation_text(_contradicted(reading, random, lying=True)),
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
        return f"the {first} is at the {PLACES[reading.relation]}"
    return f"the {first} is at the {PLACES[reading.relation]}, the {reading.things[1].name} at the {PLACES[OPPOSITES[reading.relation]]}"


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


def _contradicted(reading: Reading, random: Random, *, lying: bool) -> Reading:
    """Return a reading changed in one place: colour, shape, colours swapped or, if asked, turned; all alike."""
    ways = ["colour", "shape"]
    colours = Counter(thing.colour for thing in reading.things)
    shapes = Counter(thing.shape for thing in reading.things)
    if len(colours) == len(shapes) == 2:  # a misread scene may have two of a colour: nothing to swap
        ways.append("swap")
    if lying:
        ways.append("turn")
    way = ways[random.integers(len(ways))]
    if way == "swap":
        return swapped_colours(reading)
    if way == "turn":
        return turned(reading)
    place = int(random.integers(len(reading.things)))
    return changed_at(reading, place, ways.index(way), random)
