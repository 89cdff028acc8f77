"""Which found boxes are known ones, and whether their phrases name them."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.regions_sets import Labelled
from recipes.hygiene import words_of
from schemas.boxes import Box, area
from schemas.facts import COLOURS
from schemas.regions import Region
from transforms.regions.choose import likeness

MIN_IOU = 0.5
MIN_LIKENESS = 0.5


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was found in all pictures together; `boxes` are without those in crowds."""

    pictures: int = 0
    known: int = 0
    boxes: int = 0
    taken: int = 0
    named: int = 0
    coloured: int = 0
    right_colour: int = 0

    def add(self, sample: Labelled, regions: Sequence[Region]) -> None:
        """Count what was found in a picture, the best first."""
        taken = match([region.box for region in regions], sample.boxes)
        free = [region.box for n, region in enumerate(regions) if n not in taken]
        in_crowds = sum(any(_lies_in(box, crowd) for crowd in sample.crowds) for box in free)
        self.pictures += 1
        self.known += len(sample.boxes)
        self.boxes += len(regions) - in_crowds
        self.taken += len(taken)
        for found, known in taken.items():
            phrase, label = regions[found].phrase, sample.labels[known]
            colours = set(words_of(label)) & set(COLOURS)
            self.named += names(phrase, label)
            self.coloured += bool(colours)
            self.right_colour += bool(colours) and colours <= set(words_of(phrase))

    def shares(self) -> tuple[str, str, str, str]:
        """Return recall, precision, and of the taken how many are named, and in the right colour."""
        return (
            _share(self.taken, self.known),
            _share(self.taken, self.boxes),
            _share(self.named, self.taken),
            _share(self.right_colour, self.coloured),
        )


def match(boxes: Sequence[Box], known: Sequence[Box]) -> dict[int, int]:
    """Return which box takes which known one, by their places; boxes come in order, the best first."""
    taken: dict[int, int] = {}
    left = list(range(len(known)))
    for n, box in enumerate(boxes):
        best = max(left, key=lambda k: iou(box, known[k]), default=None)
        if best is not None and iou(box, known[best]) >= MIN_IOU:
            taken[n] = best
            left.remove(best)
    return taken


def iou(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union.

    >>> iou((0.0, 0.0, 0.5, 1.0), (0.25, 0.0, 0.75, 1.0))
    0.3333333333333333
    """
    shared = _shared(one, other)
    return shared / (area(one) + area(other) - shared)


def names(phrase: str, label: str) -> bool:
    """Return whether a phrase names what the label does.

    >>> names("a brown dog", "dog"), names("a dog on a bench", "dog"), names("a catalogue", "cat")
    (True, True, False)
    """
    within = f" {' '.join(words_of(label))} " in f" {' '.join(words_of(phrase))} "
    return within or likeness(phrase, label) >= MIN_LIKENESS


def _lies_in(box: Box, crowd: Box) -> bool:
    return _shared(box, crowd) >= MIN_IOU * area(box)


def _shared(one: Box, other: Box) -> float:
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"
