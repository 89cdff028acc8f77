"""True statements about a scene, each with a false one that differs in a single attribute."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from demo_data.scene_layout import COLOURS, SIZES, Layout, SceneObject
from demo_data.scene_shapes import OUTLINES

Look = tuple[str, str, str]
"""Size, colour and shape."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
OPPOSITES = {"to the left of": "to the right of", "above": "below", "left": "right", "upper": "lower"}
OPPOSITES |= {after: before for before, after in OPPOSITES.items()}
CLEAR_STEP = 0.08
"""How far apart two centres are, as a share of the side, before one is called left of or above the other."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What there is: (number, colour, shape), the whole picture's."""

    groups: tuple[tuple[int, str, str], ...]

    def text(self) -> str:
        parts = [
            f"{_article(colour) if n == 1 else NUMBERS[n]} {colour} {_plural(shape, n)}"
            for n, colour, shape in self.groups
        ]
        return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

    def holds(self, objects: tuple[SceneObject, ...]) -> bool:
        counts = Counter((o.colour, o.shape) for o in objects)
        return all(counts[colour, shape] == n for n, colour, shape in self.groups)


@dataclass(frozen=True, slots=True)
class Relation:
    """How two objects lie."""

    first: Look
    word: str
    second: Look

    def text(self) -> str:
        return f"a {' '.join(self.first)} is {self.word} a {' '.join(self.second)}"

    def holds(self, objects: tuple[SceneObject, ...]) -> bool:
        pairs = [(a, b) for a in objects for b in objects if a is not b]
        return any(
            _look(a) == self.first and _look(b) == self.second and _step(a, b, self.word) > 0
            for a, b in pairs
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Which half of the picture an object's centre lies in."""

    first: Look
    half: str

    def text(self) -> str:
        return f"a {' '.join(self.first)} is in the {self.half} half of the picture"

    def holds(self, objects: tuple[SceneObject, ...]) -> bool:
        return any(_look(o) == self.first and _depth(o, self.half) > 0 for o in objects)


@dataclass(frozen=True, slots=True)
class Number:
    """How many objects there are in all."""

    count: int

    def text(self) -> str:
        verb = "is" if self.count == 1 else "are"
        return f"there {verb} {NUMBERS[self.count]} {_plural('object', self.count)}"

    def holds(self, objects: tuple[SceneObject, ...]) -> bool:
        return len(objects) == self.count


Statement = Inventory | Relation | Place | Number


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _plural(shape: str, count: int) -> str:
    if count == 1:
        return shape
    return f"{shape}es" if shape.endswith("s") else f"{shape}s"


def _look(item: SceneObject) -> Look:
    return item.size, item.colour, item.shape


def _step(a: SceneObject, b: SceneObject, word: str) -> float:
    """Return by how much the relation holds between the centres, in shares of the side; negative if not."""
    axis = 0 if word.startswith("to the") else 1
    step = b.centre[axis] - a.centre[axis]
    return step if word in ("to the left of", "above") else -step


def _depth(item: SceneObject, half: str) -> float:
    """Return how deep in that half the object's centre lies, in shares of the side; negative outside it."""
    x, y = item.centre
    return {"left": 0.5 - x, "right": x - 0.5, "upper": 0.5 - y, "lower": y - 0.5}[half]


def _inventory(plan: Layout) -> Inventory:
    counts = Counter((o.colour, o.shape) for o in plan.objects)
    return Inventory(tuple((n, colour, shape) for (colour, shape), n in counts.items()))


def _relations(plan: Layout) -> list[Relation]:
    """Return a clear relation for neighbours in the plan's order; on a table only left and right are said."""
    found = []
    for a, b in pairwise(plan.objects):
        if _look(a) == _look(b):
            continue
        words = ("to the left of", "to the right of", "above", "below")
        steps = {w: _step(a, b, w) for w in (words[:2] if plan.background.kind == "table" else words)}
        word = max(steps, key=lambda w: steps[w])
        if steps[word] > CLEAR_STEP:
            found.append(Relation(_look(a), word, _look(b)))
    return found


def _places(plan: Layout) -> list[Place]:
    """Return the half that an object lies in, of the one that lies deepest in a half."""
    halves = ("left", "right", "upper", "lower")
    depth, item, half = max(
        ((_depth(item, half), item, half) for item in plan.objects for half in halves),
        key=lambda found: found[0],
    )
    return [Place(_look(item), half)] if depth > CLEAR_STEP / 4 else []


def true_statements(plan: Layout) -> list[Statement]:
    """Return what is true of the scene: the inventory, one or two relations (or a place), the number."""
    lying: list[Statement] = [*_relations(plan)[:2]] or [*_places(plan)]
    return [_inventory(plan), *lying, Number(len(plan.objects))]


def _changed_group(statement: Inventory, random: np.random.Generator) -> list[Statement]:
    changed: list[Statement] = []
    for i, (n, colour, shape) in enumerate(statement.groups):
        others = [(n + 1, colour, shape)]
        others += [(n, other, shape) for other in COLOURS if other != colour]
        others += [(n, colour, other) for other in OUTLINES if other != shape]
        for other in others:
            changed.append(Inventory((*statement.groups[:i], other, *statement.groups[i + 1 :])))
    return [changed[i] for i in random.permutation(len(changed))]


def _other_looks(look: Look) -> list[Look]:
    size, colour, shape = look
    others = [(other, colour, shape) for other in SIZES if other != size]
    others += [(size, other, shape) for other in COLOURS if other != colour]
    return others + [(size, colour, other) for other in OUTLINES if other != shape]


def _changed_looks(statement: Relation | Place, random: np.random.Generator) -> list[Statement]:
    changed: list[Statement] = [replace(statement, first=other) for other in _other_looks(statement.first)]
    if isinstance(statement, Relation):
        changed += [replace(statement, second=other) for other in _other_looks(statement.second)]
    return [changed[i] for i in random.permutation(len(changed))]


def _candidates(statement: Statement, random: np.random.Generator) -> list[Statement]:
    if isinstance(statement, Number):
        return [Number(statement.count + 1)]
    if isinstance(statement, Inventory):
        return _changed_group(statement, random)
    turned: Relation | Place
    if isinstance(statement, Relation):
        turned = replace(statement, word=OPPOSITES[statement.word])
    else:
        turned = replace(statement, half=OPPOSITES[statement.half])
    looks = _changed_looks(statement, random)
    return [turned, *looks] if random.random() < 0.4 else [*looks, turned]


def _reads_well(statement: Statement) -> bool:
    """Return whether nothing is named twice: "a red ring and a red ring" reads as two."""
    if isinstance(statement, Inventory):
        looks = [group[1:] for group in statement.groups]
        return len(set(looks)) == len(looks)
    return not isinstance(statement, Relation) or statement.first != statement.second


def false_statements(statements: list[Statement], plan: Layout) -> list[Statement]:
    """Return each statement with one attribute changed so that it does not hold.

    A number is only ever raised, so the result is false under "exactly" and under "at least".

    Raises:
        ValueError: no change makes a statement false (no scene of `layout` is so).
    """
    random = np.random.default_rng([plan.seed, 0xFA15E])
    found = []
    for statement in statements:
        candidates = _candidates(statement, random)
        false = [c for c in candidates if not c.holds(plan.objects) and _reads_well(c)]
        if not false:
            raise ValueError(f"no false twin of {statement.text()!r} in scene {plan.seed}; use another seed")
        found.append(false[0])
    return found
