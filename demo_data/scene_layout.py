"""Plan a scene without drawing it: which objects lie where, in which colours, before which background."""

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from demo_data.scene_shapes import OUTLINES, Point, outline

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]

COLOURS: Mapping[str, Rgb] = {
    "red": (208, 38, 40),
    "orange": (242, 130, 26),
    "yellow": (248, 208, 40),
    "green": (44, 152, 70),
    "blue": (34, 92, 204),
    "purple": (122, 50, 164),
    "pink": (244, 134, 178),
    "brown": (122, 74, 40),
    "black": (28, 28, 32),
    "white": (250, 250, 248),
    "grey": (126, 128, 132),
}
SIZES: Mapping[str, tuple[float, float]] = {"large": (0.26, 0.33), "small": (0.12, 0.155)}
"""Longer side of an object as a share of the picture's side; the ranges are far apart on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """A soft background: two colours, from top to bottom, and the object colours that would sink in it."""

    kind: str  # gradient, paper or table
    top: Rgb
    bottom: Rgb
    hides: tuple[str, ...]
    horizon: float = 1.0  # of a table: where it begins, as a share of the height


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object. `box` is [x0, y0, x1, y1] in 0..1 of the picture's sides, the origin at the top left."""

    shape: str
    colour: str
    size: str
    box: Box
    rgb: Rgb
    turn: float  # radians, clockwise

    @property
    def centre(self) -> Point:
        """Return the middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def phrase(self) -> str:
        """Return what the object is called, such as "a large red circle"."""
        return f"a {self.size} {self.colour} {self.shape}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that decides a scene's pixels, apart from their number."""

    seed: int
    background: Background
    objects: tuple[SceneObject, ...]


PALETTES = (
    ((252, 244, 228), (238, 216, 186), ("white", "yellow", "orange", "brown")),
    ((226, 242, 250), (176, 210, 232), ("white", "blue", "grey")),
    ((230, 246, 234), (178, 218, 194), ("white", "green", "grey")),
    ((246, 234, 248), (214, 192, 228), ("white", "pink", "purple", "grey")),
    ((255, 238, 230), (246, 204, 196), ("white", "pink", "red", "orange")),
    ((92, 114, 140), (60, 78, 104), ("black", "blue", "grey", "purple", "brown", "green")),
    ((84, 128, 126), (50, 88, 92), ("black", "green", "grey", "blue", "purple", "brown")),
)


def _vary(rgb: Rgb, random: np.random.Generator) -> Rgb:
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in rgb))
    hue = (hue + random.uniform(-0.012, 0.012)) % 1
    value = min(1.0, max(0.0, value + random.uniform(-0.04, 0.04)))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _background(random: np.random.Generator) -> Background:
    top, bottom, hides = PALETTES[random.integers(len(PALETTES))]
    kind = ("gradient", "paper", "table")[random.integers(3)]
    horizon = float(random.uniform(0.5, 0.58)) if kind == "table" else 1.0
    return Background(kind=kind, top=top, bottom=bottom, hides=hides, horizon=horizon)


def _apart(box: Box, others: list[Box], gap: float) -> bool:
    return all(
        box[0] > o[2] + gap or box[2] < o[0] - gap or box[1] > o[3] + gap or box[3] < o[1] - gap
        for o in others
    )


def _place(random: np.random.Generator, extent: Point, ground: Background) -> Box:
    width, height = extent
    x0 = random.uniform(0.04, 0.96 - width)
    low = max(0.04, ground.horizon + 0.06 - height) if ground.kind == "table" else 0.04
    y0 = random.uniform(low, 0.95 - height)
    return float(x0), float(y0), float(x0 + width), float(y0 + height)


def _look(random: np.random.Generator, ground: Background, others: list[SceneObject]) -> tuple[str, str]:
    """Choose a shape and a colour; now and then those of an object that is there, so that counts matter."""
    if others and random.random() < 0.3:
        return others[-1].shape, others[-1].colour
    names = [name for name in COLOURS if name not in ground.hides]
    shapes = tuple(OUTLINES)
    return shapes[random.integers(len(shapes))], names[random.integers(len(names))]


def _object(
    random: np.random.Generator, ground: Background, size: str, others: list[SceneObject]
) -> SceneObject | None:
    shape, colour = _look(random, ground, others)
    upright = ground.kind == "table" or shape in ("square", "diamond")
    turn = 0.0 if upright else float(random.uniform(-0.16, 0.16))
    points = outline(shape, turn)
    side = random.uniform(*SIZES[size])
    extent = (side * max(x for x, _ in points), side * max(y for _, y in points))
    rgb = _vary(COLOURS[colour], random)
    taken = [other.box for other in others]
    for _ in range(60):
        box = _place(random, extent, ground)
        if _apart(box, taken, gap=0.03):
            return SceneObject(shape=shape, colour=colour, size=size, box=box, rgb=rgb, turn=turn)
    return None


def layout(seed: int) -> Layout:
    """Plan the scene of a seed (0 or more): the same seed always gives the same plan.

    1 to 5 objects whose boxes lie inside the picture, at least 0.03 of its side apart. On a table the
    objects stand on it; elsewhere they lie anywhere.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; give 0 or more")
    random = np.random.default_rng([seed, 0x5CE7E])
    ground = _background(random)
    wanted = 1 + int(random.choice(5, p=[0.1, 0.25, 0.3, 0.2, 0.15]))
    sizes = sorted(("large", "small")[i] for i in random.integers(0, 2, wanted))
    objects: list[SceneObject] = []
    for size in sizes:
        made = _object(random, ground, size, objects)
        if made is not None:
            objects.append(made)
    order = random.permutation(len(objects))
    return Layout(seed=seed, background=ground, objects=tuple(objects[i] for i in order))
