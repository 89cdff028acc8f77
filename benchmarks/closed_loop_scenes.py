"""Scenes of the closed loop: one or two objects on a pale ground, drawn by `demo_data.scene_drawing`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from demo_data.scene_drawing import draw
from demo_data.scene_layout import COLOURS, Background, Box, Layout, SceneObject
from demo_data.scene_shapes import outline

COLOUR_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")
SHAPE_NAMES = ("circle", "square", "triangle", "star", "cross", "ring")
OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
RELATIONS = tuple(OPPOSITES)
PLACES = {"left of": "left", "right of": "right", "above": "top", "below": "bottom"}
"""Where an object alone lies, by how it lies to the middle of the picture."""

SINGLE_SHARE = 0.25
"""Of scenes with one object."""

_SIDE = (0.34, 0.44)  # of an object, as a share of the picture's
_CLEAR = 0.12  # how far apart two centres are, and farther than on the other axis
_TINTS = ((250, 248, 242), (240, 246, 250), (242, 250, 244), (250, 242, 246))


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
    """What is said of a scene: its objects, and how the first lies to the second, or to the middle."""

    things: tuple[Thing, ...]
    relation: str

    @property
    def facts(self) -> int:
        """How many single facts it states."""
        return 2 * len(self.things) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopScene:
    """A scene and what is true of it."""

    layout: Layout
    truth: Reading

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The objects' boxes, (x0, y0, x1, y1) in 0..1, in the order of `truth.things`."""
        return tuple(item.box for item in self.layout.objects)

    def picture(self, size_px: int) -> Image.Image:
        """Return the scene drawn as size_px x size_px."""
        return draw(self.layout, size_px)


def make_scene(seed: int, *, objects: int | None = None) -> LoopScene:
    """Return the scene of a seed, with so many objects (1 or 2; none: drawn)."""
    random = np.random.default_rng([seed, 0xC105ED])
    count = objects or (1 if random.random() < SINGLE_SHARE else 2)
    while True:
        boxes = [_box(random) for _ in range(count)]
        relation = _relation(boxes)
        if relation is not None:
            break
    things = [_thing(random)]
    while len(things) < count:
        other = _thing(random)
        if other.colour != things[0].colour and other.shape != things[0].shape:
            things.append(other)
    objects_ = tuple(_object(thing, box, random) for thing, box in zip(things, boxes, strict=True))
    tint = _TINTS[random.integers(len(_TINTS))]
    dark = tuple(round(0.88 * value) for value in tint)
    ground = Background(kind="gradient", top=tint, bottom=(dark[0], dark[1], dark[2]), hides=())
    return LoopScene(
        layout=Layout(seed=seed, background=ground, objects=objects_),
        truth=Reading(things=tuple(things), relation=relation),
    )


def misread(truth: Reading, error_rate: float, random: np.random.Generator) -> tuple[Reading, int]:
    """Return a reading in which each fact is replaced by another with a probability, and how many were."""
    wrong = random.random(truth.facts) < error_rate
    things = list(truth.things)
    for i, thing in enumerate(things):
        if wrong[2 * i]:
            things[i] = replace(things[i], colour=other(COLOUR_NAMES, thing.colour, random))
        if wrong[2 * i + 1]:
            things[i] = replace(things[i], shape=other(SHAPE_NAMES, thing.shape, random))
    relation = other(RELATIONS, truth.relation, random) if wrong[-1] else truth.relation
    return Reading(things=tuple(things), relation=relation), int(wrong.sum())


def other(names: tuple[str, ...], name: str, random: np.random.Generator) -> str:
    """Return one of the other names."""
    left = [n for n in names if n != name]
    return left[random.integers(len(left))]


def held_out(seed: int, count: int, *, objects: int) -> Iterator[LoopScene]:
    """Yield scenes whose truths all differ, for tests."""
    seen = set()
    while len(seen) < count:
        scene = make_scene(seed, objects=objects)
        seed += 1
        if scene.truth not in seen:
            seen.add(scene.truth)
            yield scene


def _thing(random: np.random.Generator) -> Thing:
    colour = COLOUR_NAMES[random.integers(len(COLOUR_NAMES))]
    return Thing(colour, SHAPE_NAMES[random.integers(len(SHAPE_NAMES))])


def _box(random: np.random.Generator) -> tuple[float, float, float]:
    side = random.uniform(*_SIDE)
    x, y = random.uniform(0.03, 0.97 - side, 2)
    return float(x), float(y), float(side)


def _relation(boxes: list[tuple[float, float, float]]) -> str | None:
    """Return how the first square lies to the second, or to the middle; none where it is not clear."""
    x, y, side = boxes[0]
    centre = (x + side / 2, y + side / 2)
    to = (0.5, 0.5)
    if len(boxes) == 2:
        x2, y2, side2 = boxes[1]
        to = (x2 + side2 / 2, y2 + side2 / 2)
        if not (x + side < x2 or x2 + side2 < x or y + side < y2 or y2 + side2 < y):
            return None
    across, down = to[0] - centre[0], to[1] - centre[1]
    if abs(abs(across) - abs(down)) < _CLEAR:
        return None
    if abs(across) > abs(down):
        return "left of" if across > 0 else "right of"
    return "above" if down > 0 else "below"


def _object(thing: Thing, place: tuple[float, float, float], random: np.random.Generator) -> SceneObject:
    x, y, side = place
    turn = float(random.uniform(-0.12, 0.12)) if thing.shape != "square" else 0.0
    points = outline(thing.shape, turn)
    box = (x, y, x + side * max(px for px, _ in points), y + side * max(py for _, py in points))
    drift = random.uniform(-12, 12, 3)
    rgb = [int(min(255, max(0, round(c + d)))) for c, d in zip(COLOURS[thing.colour], drift, strict=True)]
    return SceneObject(
        shape=thing.shape, colour=thing.colour, size="large", box=box, rgb=(rgb[0], rgb[1], rgb[2]), turn=turn
    )
