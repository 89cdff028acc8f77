import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms.regions.soft_nms import (
    BAD_BOX,
    BAD_SCORE,
    DECAYED,
    LOW_SCORE,
    METHODS,
    NO_AREA,
    Method,
    Survivors,
    soft_nms,
)

Row = tuple[float, float, float, float, float, int]
INF, NAN = math.inf, math.nan


def overlap_of(one: Row, other: Row) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(row[2] - row[0]) * (row[3] - row[1]) for row in (one, other)]
    return wide * high / (areas[0] + areas[1] - wide * high)


def reference(
    rows: list[Row], alike: list[list[bool]], method: Method, sigma: float, overlap: float, floor: float
) -> list[tuple[int, float]]:
    """The paper's loop, box by box, over pairs of place and score."""
    left = [(i, row[4]) for i, row in enumerate(rows) if row[4] >= floor]
    kept = []
    while left:
        best = max(left, key=lambda pair: (pair[1], -pair[0]))
        kept.append(best)
        rest = []
        for i, score in left:
            if i == best[0]:
                continue
            if alike[rows[i][5]][rows[best[0]][5]]:
                o = overlap_of(rows[i], rows[best[0]])
                if method == "gaussian":
                    score *= float(np.exp(-(o * o) / sigma))  # the last digit decides ties
                elif o > overlap:
                    score *= 1 - o if method == "linear" else 0
            if score >= floor:
                rest.append((i, score))
        left = rest
    return kept


SCORES = [0.0, 0.0005, 0.001, 0.1, 0.3, 0.5, 0.9, 1.0, *(math.sqrt(k) % 1 for k in range(2, 26))]
CODES = 8 * 8 * 4 * 4 * 3 * len(SCORES)


def decode(code: int) -> Row:
    """Read a box on a small grid out of a number: ties, equal boxes and exact thresholds are common."""
    values = []
    for base in (8, 8, 4, 4, 3):
        code, value = divmod(code, base)
        values.append(value)
    x, y, wide, high, label = values
    return (x / 8, y / 8, (x + wide + 1) / 8, (y + high + 1) / 8, SCORES[code], label)


LIKENESS = st.tuples(st.booleans(), st.booleans(), st.booleans()).map(
    lambda like: [[True, like[0], like[1]], [like[0], True, like[2]], [like[1], like[2], True]]
)


def scenes() -> st.SearchStrategy[tuple[list[Row], list[list[bool]]]]:
    """Up to 24 boxes of three labels, and which labels are alike."""
    return st.tuples(st.lists(st.integers(0, CODES - 1).map(decode), max_size=24), LIKENESS)


def arrays(rows: list[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    return (
        np.array([row[:4] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[4] for row in rows], np.float64),
        np.array([row[5] for row in rows], np.int64),
    )


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=1000, deadline=None)
@given(
    scenes(),
    st.sampled_from([0.01, 0.5, 3.0]),
    st.sampled_from([0.0, 0.25, 0.3, 0.5, 1.0]),
    st.sampled_from([0.001, 0.1]),
)
def test_equals_the_loop_of_the_paper(
    method: Method,
    scene: tuple[list[Row], list[list[bool]]],
    sigma: float,
    overlap: float,
    floor: float,
) -> None:
    rows, alike = scene
    boxes, scores, labels = arrays(rows)
    before = boxes.copy(), scores.copy(), labels.copy()
    found = soft_nms(
        boxes, scores, labels, np.array(alike), method=method, sigma=sigma, overlap=overlap, floor=floor
    )
    wanted = reference(rows, alike, method, sigma, overlap, floor)
    assert found.index_k.tolist() == [i for i, _ in wanted]
    np.testing.assert_allclose(found.score_k, [score for _, score in wanted], rtol=1e-12)
    assert found.raw_k.tolist() == [rows[i][4] for i, _ in wanted]
    assert len(rows) == len(wanted) + sum(found.dropped.values())
    for now, then in zip((boxes, scores, labels), before, strict=True):
        assert now.tobytes() == then.tobytes()


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_labels_alone_are_a_run_each(scene: tuple[list[Row], list[list[bool]]]) -> None:
    boxes, scores, labels = arrays(scene[0])
    found = soft_nms(boxes, scores, labels)
    kept = {}
    for label in range(3):
        (places,) = np.nonzero(labels == label)
        one = soft_nms(boxes[places], scores[places])
        kept |= dict(zip(places[one.index_k].tolist(), one.score_k.tolist(), strict=True))
    assert dict(zip(found.index_k.tolist(), found.score_k.tolist(), strict=True)) == kept


def run(
    rows: list[list[float]], method: Method, *, sigma: float = 0.5, overlap: float = 0.3, floor: float = 0.001
) -> Survivors:
    table = np.array(rows, np.float64).reshape(-1, 5)
    return soft_nms(table[:, :4], table[:, 4], method=method, sigma=sigma, overlap=overlap, floor=floor)


def test_worked_by_hand() -> None:
    """Two boxes of 4 x 2 and 2 x 2 share 2 x 2: o = 0.5; the third touches neither."""
    rows = [[0, 0, 2, 2, 0.8], [0, 0, 4, 2, 0.9], [5, 0, 6, 2, 0.5]]
    for method, score in (("linear", 0.8 * 0.5), ("gaussian", 0.8 * math.exp(-0.5))):
        found = run(rows, method)  # type: ignore[arg-type]
        left = dict(zip(found.index_k.tolist(), found.score_k.tolist(), strict=True))
        assert left == {1: 0.9, 2: 0.5, 0: pytest.approx(score, rel=1e-15)}
        assert found.raw_k.tolist() == [[0.8, 0.9, 0.5][i] for i in found.index_k]
    assert run(rows, "gaussian").index_k.tolist() == [1, 2, 0]  # 0.485 falls behind 0.5
    assert run(rows, "hard").index_k.tolist() == [1, 2]
    assert run(rows, "hard").dropped == {DECAYED: 1}


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_sigma_to_nothing_is_hard_suppression_of_whatever_touches(
    scene: tuple[list[Row], list[list[bool]]],
) -> None:
    boxes, scores, _ = arrays(scene[0])
    soft = soft_nms(boxes, scores, method="gaussian", sigma=1e-300)
    hard = soft_nms(boxes, scores, method="hard", overlap=0.0)
    assert soft.index_k.tolist() == hard.index_k.tolist()
    assert soft.score_k.tolist() == hard.score_k.tolist() == scores[hard.index_k].tolist()


@settings(max_examples=200, deadline=None)
@given(scenes())
def test_limits_that_change_nothing(scene: tuple[list[Row], list[list[bool]]]) -> None:
    boxes, scores, _ = arrays(scene[0])
    places = [i for i in np.argsort(-scores, kind="stable").tolist() if scores[i] >= 0.001]
    for found in (
        soft_nms(boxes, scores, method="linear", overlap=1.0),
        soft_nms(boxes, scores, method="hard", overlap=1.0),
        soft_nms(boxes, scores, method="gaussian", sigma=1e300),
    ):
        assert found.index_k.tolist() == places
        assert found.score_k.tolist() == scores[places].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_disjoint_and_touching_boxes_are_unchanged(method: Method) -> None:
    rows = [[i, j, i + 1, j + 1, 0.1 + 0.01 * (i + 10 * j)] for i in range(5) for j in range(5)]
    found = run(rows, method, overlap=0.0, sigma=1e-6)
    assert found.score_k.tolist() == sorted((row[4] for row in rows), reverse=True) == found.raw_k.tolist()
    assert found.dropped == {}


def test_identical_boxes() -> None:
    rows = [[0.1, 0.1, 0.4, 0.4, 0.9]] * 5
    assert run(rows, "hard").index_k.tolist() == run(rows, "linear").index_k.tolist() == [0]
    found = run(rows, "gaussian")  # each loses exp(-1 / 0.5) to each before it, up to the floor of 0.001
    assert found.index_k.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.score_k, [0.9 * math.exp(-2 * k) for k in range(4)], rtol=1e-12)
    assert found.dropped == {DECAYED: 1}


def test_ties_go_to_the_first() -> None:
    rows = [[k, 0, k + 1, 1, 0.5] for k in (3, 1, 2, 0)]
    assert run(rows, "linear").index_k.tolist() == [0, 1, 2, 3]


def test_what_cannot_be_compared_is_dropped_and_counted() -> None:
    rows = [
        [0, 0, 1, 1, 0.5],
        [0, 0, 1, NAN, 0.9], [0, -INF, 1, 1, 0.9], [-1e308, 0, 1e308, 1, 0.9], [0, 0, 1e200, 1e200, 0.9],
        [0, 0, 1, 1, NAN], [0, 0, 1, 1, INF], [0, 0, 1, 1, -INF],
        [1, 0, 1, 1, 0.9], [1, 0, 0, 1, 0.9], [1, 1, 0, 0, 0.9], [0, 0, 1e-200, 1e-200, 0.9],
        [0, 0, 1, 1, 0.0009], [0, 0, 1, 1, -5],
    ]  # fmt: skip
    found = run(rows, "gaussian")
    assert found.index_k.tolist() == [0]
    assert found.dropped == {BAD_BOX: 4, BAD_SCORE: 3, NO_AREA: 4, LOW_SCORE: 2}


@pytest.mark.parametrize("method", METHODS)
def test_no_boxes(method: Method) -> None:
    found = run([], method)
    assert (len(found.index_k), len(found.score_k), dict(found.dropped)) == (0, 0, {})


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(width=32)] * 4, st.floats(width=32)) | st.tuples(*[st.floats()] * 5),
        max_size=12,
    ),
    st.sampled_from(METHODS),
)
def test_any_numbers_are_kept_or_counted(rows: list[tuple[float, ...]], method: Method) -> None:
    found = run([list(row) for row in rows], method)
    assert len(found.index_k) + sum(found.dropped.values()) == len(rows)
    assert len(set(found.index_k.tolist())) == len(found.index_k)
    assert (found.score_k >= 0.001).all()
    assert (found.score_k <= found.raw_k).all()
    assert (np.diff(found.score_k) <= 0).all()


def test_bad_settings() -> None:
    boxes, scores = np.zeros((2, 4)), np.zeros(2)
    for setting, message in (
        ({"method": "soft"}, "method 'soft' is unknown"),
        ({"sigma": 0.0}, "sigma 0.0 is not over 0"),
        ({"sigma": NAN}, "sigma nan"),
        ({"overlap": 1.5}, "overlap 1.5 is not in 0..1"),
        ({"floor": 0.0}, "floor 0.0 is not over 0"),
    ):
        with pytest.raises(ValueError, match=message):
            soft_nms(boxes, scores, **setting)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 boxes, but scores or labels of another shape"):
        soft_nms(boxes, np.zeros(3))
    with pytest.raises(ValueError, match="another shape"):
        soft_nms(boxes, scores, np.zeros(1, np.int64))
