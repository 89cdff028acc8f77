"""Scenes of the closed loop: one or two objects before a pale ground, drawn by `demo_data.scene_drawing`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from demo_data.scene_layout import COLOURS, Background, Box, Layout, Rgb, SceneObject
from demo_data.scene_shapes import Point, outline

Random = np.random.Generator

COLOUR_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
SHAPE_NAMES = ("circle", "square", "triangle", "star", "cross", "ring")
OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATIONS = tuple(OPPOSITES)

SINGLE_SHARE = 0.25
"""Of scenes with one object."""

_SIDE = (0.38, 0.46)  # longer side of an object, as a share of the picture's
_MARGIN = 0.03
_CLEAR = 0.12  # by how much two centres are farther apart on one axis than on the other
_TINTS: tuple[Rgb, ...] = ((250, 248, 242), (240, 246, 250), (242, 250, 244), (250, 242, 246))
_MIDDLE: Point = (0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Thing:
    """An object as it is named."""

    colour: str
    shape: str

    @property
    def name(self) -> str:
        """Such as "red circle"."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is said of a scene: its objects, and how the first lies to the second, or else to the middle."""

    things: tuple[Thing, ...]
    relation: str

    @property
    def facts(self) -> int:
        """How many single facts it states: a colour and a shape an object, and the relation."""
        return 2 * len(self.things) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopScene:
    """A scene and what is true of it, objects in the same order."""

    layout: Layout
    truth: Reading

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The objects' boxes, (x0, y0, x1, y1) in 0..1."""
        return tuple(item.box for item in self.layout.objects)


def make_scene(seed: int, *, objects: int | None = None) -> LoopScene:
    """Return the scene of a seed with 1 or 2 objects (none: drawn); two differ in colour and in shape."""
    random = np.random.default_rng([seed, 0xC105ED])
    count = objects or (1 if random.random() < SINGLE_SHARE else 2)
    colours, shapes = random.permutation(COLOUR_NAMES)[:count], random.permutation(SHAPE_NAMES)[:count]
    things = tuple(Thing(str(colour), str(shape)) for colour, shape in zip(colours, shapes, strict=True))
    while True:
        items = tuple(_object(thing, random) for thing in things)
        relation = _relation(items)
        if relation is not None:
            break
    light = _TINTS[random.integers(len(_TINTS))]
    dark = (round(0.88 * light[0]), round(0.88 * light[1]), round(0.88 * light[2]))
    ground = Background(kind="gradient", top=light, bottom=dark, hides=())
    return LoopScene(
        layout=Layout(seed=seed, background=ground, objects=items),
        truth=Reading(things=things, relation=relation),
    )


def held_out(seed: int, count: int) -> list[LoopScene]:
    """Return scenes of two objects, of seeds from `seed` on; no caption fits two of them."""
    found: dict[frozenset[tuple[Thing, str]], LoopScene] = {}
    while len(found) < count:
        scene = make_scene(seed, objects=2)
        (a, b), relation = scene.truth.things, scene.truth.relation
        found.setdefault(frozenset({(a, relation), (b, OPPOSITES[relation])}), scene)
        seed += 1
    return list(found.values())


def misread(truth: Reading, error_rate: float, random: Random) -> tuple[Reading, int]:
    """Return a reading in which each fact is, with that probability, another; and how many are."""
    wrong = random.random(truth.facts) < error_rate
    things = list(truth.things)
    for place in range(len(things)):
        for kind in (0, 1):
            if wrong[2 * place + kind]:
                things[place] = changed(things[place], kind, random)
    relation = other(RELATIONS, truth.relation, random) if wrong[-1] else truth.relation
    return Reading(things=tuple(things), relation=relation), int(wrong.sum())


def changed(thing: Thing, kind: int, random: Random) -> Thing:
    """Return an object of another colour (kind 0) or of another shape (kind 1)."""
    if kind == 0:
        return replace(thing, colour=other(COLOUR_NAMES, thing.colour, random))
    return replace(thing, shape=other(SHAPE_NAMES, thing.shape, random))


def other(names: Sequence[str], name: str, random: Random) -> str:
    """Return one of the other names, all alike probable."""
    left = [n for n in names if n != name]
    return left[random.integers(len(left))]


def _object(thing: Thing, random: Random) -> SceneObject:
    turn = 0.0 if thing.shape == "square" else float(random.uniform(-0.12, 0.12))
    points, side = outline(thing.shape, turn), float(random.uniform(*_SIDE))
    wide, high = side * max(x for x, _ in points), side * max(y for _, y in points)
    x0 = float(random.uniform(_MARGIN, 1 - _MARGIN - wide))
    y0 = float(random.uniform(_MARGIN, 1 - _MARGIN - high))
    drifted = (np.asarray(COLOURS[thing.colour]) + random.integers(-12, 13, 3)).clip(0, 255).tolist()
    return SceneObject(
        shape=thing.shape,
        colour=thing.colour,
        size="large",
        box=(x0, y0, x0 + wide, y0 + high),
        rgb=(drifted[0], drifted[1], drifted[2]),
        turn=turn,
    )


def _relation(items: tuple[SceneObject, ...]) -> str | None:
    """Return how the first object lies to the other or the middle; none where boxes meet or it is unclear."""
    first, target = items[0], items[1].centre if len(items) == 2 else _MIDDLE
    if len(items) == 2:
        a, b = first.box, items[1].box
        if not (a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]):
            return None
    across, down = target[0] - first.centre[0], target[1] - first.centre[1]
    if abs(abs(across) - abs(down)) < _CLEAR:
        return None
    if abs(across) > abs(down):
        return "left of" if across > 0 else "right of"
    return "above" if down > 0 else "below"
