import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.regions_matching import Tally, iou, match, names
from benchmarks.regions_sets import Labelled
from schemas.boxes import Box
from schemas.regions import Region

LEFT, RIGHT = (0.0, 0.0, 0.4, 1.0), (0.6, 0.0, 1.0, 1.0)


def region(box: Box, phrase: str = "an area") -> Region:
    return Region(box=box, phrase=phrase, score=0.5)


def test_iou_by_hand() -> None:
    assert iou(LEFT, LEFT) == 1
    assert iou(LEFT, RIGHT) == 0
    assert iou((0.0, 0.0, 1.0, 1.0), LEFT) == pytest.approx(0.4)
    assert iou((0.0, 0.0, 0.5, 0.5), (0.25, 0.25, 0.75, 0.75)) == pytest.approx(1 / 7)


def test_the_best_box_chooses_first_and_each_known_box_is_taken_once() -> None:
    wide = (0.0, 0.0, 0.7, 1.0)  # 4/7 of it is LEFT
    assert match([wide, LEFT], [LEFT]) == {0: 0}
    assert match([LEFT, wide], [LEFT]) == {0: 0}
    assert match([LEFT, wide], [LEFT, wide]) == {0: 0, 1: 1}
    assert match([wide, LEFT], [LEFT, wide]) == {0: 1, 1: 0}


def test_a_box_takes_the_known_one_that_it_overlaps_most_of_those_left() -> None:
    known = [(0.0, 0.0, 1.0, 0.5), (0.0, 0.0, 1.0, 0.8)]
    assert match([(0.0, 0.0, 1.0, 0.6)], known) == {0: 0}  # 5/6 against 6/8
    assert match([(0.0, 0.0, 1.0, 0.6)] * 3, known) == {0: 0, 1: 1}


def test_half_is_enough_and_less_is_not() -> None:
    assert match([(0.0, 0.0, 0.5, 1.0)], [(0.0, 0.0, 1.0, 1.0)]) == {0: 0}
    assert match([(0.0, 0.0, 0.499, 1.0)], [(0.0, 0.0, 1.0, 1.0)]) == {}
    assert match([], [LEFT]) == match([LEFT], []) == {}


_BOXES = st.lists(
    st.tuples(*[st.integers(0, 7)] * 2, *[st.integers(1, 8)] * 2).map(
        lambda b: (b[0] / 16, b[1] / 16, (b[0] + b[2]) / 16, (b[1] + b[3]) / 16)
    ),
    max_size=8,
)


@given(_BOXES, _BOXES)
def test_no_pair_is_left_that_would_do(boxes: list[Box], known: list[Box]) -> None:
    taken = match(boxes, known)
    assert len(set(taken.values())) == len(taken)
    assert all(iou(boxes[n], known[k]) >= 0.5 for n, k in taken.items())
    for n in set(range(len(boxes))) - set(taken):
        assert all(iou(boxes[n], known[k]) < 0.5 for k in set(range(len(known))) - set(taken.values()))


@pytest.mark.parametrize(
    ("phrase", "label", "wanted"),
    [
        ("dog", "dog", True),
        ("a brown dog", "dog", True),
        ("the dogs", "dog", True),
        ("a dog on a skateboard", "dog", True),
        ("a black dining table by the wall", "dining table", True),
        ("a hot dog stand", "dog", True),  # contained: the rule is as blunt as that
        ("a catalogue", "cat", False),
        ("a table for dining", "dining table", False),
        ("red area, left", "a large red circle", False),
    ],
)
def test_names(phrase: str, label: str, wanted: bool) -> None:
    assert names(phrase, label) is wanted


def test_a_tally_by_hand() -> None:
    tally = Tally()
    scene = Labelled(image=b"", boxes=(LEFT, RIGHT), labels=("a large red circle", "a small blue ring"))
    small = region((0.45, 0.45, 0.55, 0.55), "grey area, centre")
    tally.add(scene, [region(LEFT, "red area, left"), small, region(RIGHT, "purple area, right")])
    assert (tally.pictures, tally.known, tally.boxes, tally.taken) == (1, 2, 3, 2)
    assert tally.shares() == ("1.000", "0.667", "0.000", "0.500")
    photo = Labelled(image=b"", boxes=(LEFT, RIGHT), labels=("dog", "cat"), crowds=((0.4, 0.0, 0.6, 1.0),))
    tally.add(photo, [region(LEFT, "a dog"), small])  # the second lies in the crowd
    assert (tally.pictures, tally.known, tally.boxes, tally.taken) == (2, 4, 4, 3)
    assert tally.shares() == ("0.750", "0.750", "0.333", "0.500")
    tally.add(photo, [])
    assert tally.shares() == ("0.500", "0.750", "0.333", "0.500")


def test_a_known_box_in_a_crowd_is_taken_all_the_same() -> None:
    tally = Tally()
    photo = Labelled(image=b"", boxes=(LEFT,), labels=("person",), crowds=((0.0, 0.0, 1.0, 1.0),))
    tally.add(photo, [region(LEFT, "a person"), region(RIGHT)])
    assert (tally.boxes, tally.taken) == (1, 1)


def test_nothing_at_all_is_no_number() -> None:
    assert Tally().shares() == ("-", "-", "-", "-")
