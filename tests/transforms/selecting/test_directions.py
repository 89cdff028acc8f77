"""Exact cosines against whole numbers of Python, and against the unrounded ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms.selecting import directions
from transforms.selecting.directions import SCALE, cosines, most_similar, nearest, to_directions


def vectors(count: int, size: int = 37, seed: int = 0) -> NDArray[np.float16]:
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float16)


def whole(rows: NDArray[np.float32]) -> list[list[int]]:
    return [[int(x) for x in row] for row in rows]


def test_cosines_are_those_of_whole_numbers_to_the_bit() -> None:
    rows, others = to_directions(vectors(20)), to_directions(vectors(9, seed=1))
    expected = [
        [sum(a * b for a, b in zip(x, y, strict=True)) / 2**48 for y in whole(others)] for x in whole(rows)
    ]
    assert cosines(rows, others).tolist() == expected
    places, best = most_similar(rows, others)
    assert best.tolist() == [max(row) for row in expected]
    assert places.tolist() == [row.index(max(row)) for row in expected]


def test_sums_in_any_order_are_the_same_to_the_bit() -> None:
    rows = to_directions(vectors(50, size=512))
    order = np.random.default_rng(0).permutation(512)
    assert np.array_equal(cosines(rows, rows), cosines(rows[:, order], rows[:, order]))


def test_close_to_the_unrounded_cosine() -> None:
    wide = vectors(200, size=512).astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    rows = to_directions(wide)
    apart = np.abs(cosines(rows, rows) - wide @ wide.T)
    assert apart.max() < 2e-7 < 512**0.5 / SCALE
    assert np.sqrt((apart**2).mean()) == pytest.approx((2 / 12) ** 0.5 / SCALE, rel=0.1)


def test_length_does_not_count() -> None:
    rows = vectors(30).astype(np.float32)
    assert np.array_equal(to_directions(rows), to_directions(rows * 2.0**70))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_say_nothing_have_no_direction(bad: float) -> None:
    rows = vectors(5)
    rows[1], rows[2, 3], rows[3] = 0, bad, np.float16(6e-8)
    found = to_directions(rows)
    assert found.any(axis=1).tolist() == [True, False, False, True, True]
    assert np.array_equal(found[0], to_directions(rows[:1])[0])
    assert (cosines(found, found)[1] == 0).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0)])
def test_nothing(shape: tuple[int, int]) -> None:
    rows = to_directions(np.zeros(shape, np.float16))
    assert rows.shape == shape
    places, best = most_similar(rows, rows[:0])
    assert (places.tolist(), best.tolist()) == ([-1] * shape[0], [-np.inf] * shape[0])


@given(
    count=st.integers(1, 25),
    others=st.integers(1, 25),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    before=st.none() | st.integers(0, 30),
)
def test_blocks_change_nothing(count: int, others: int, sizes: tuple[int, int], before: int | None) -> None:
    rows, columns = to_directions(vectors(count, 3)), to_directions(vectors(others, 3, seed=1))
    columns[others // 2] = columns[0]  # a tie
    products = cosines(rows, columns)
    for n in range(count):
        products[n, len(columns) if before is None else before + n :] = -np.inf
    expected = products.argmax(axis=1)
    expected[np.isinf(products.max(axis=1))] = -1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directions, "ROWS", sizes[0])
        patch.setattr(directions, "OTHERS", sizes[1])
        places, best = most_similar(rows, columns, before)
    assert places.tolist() == expected.tolist()
    assert best.tolist() == products.max(axis=1).tolist()


@given(
    count=st.integers(1, 9),
    others=st.integers(0, 20),
    wanted=st.integers(1, 4),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_nearest_is_a_stable_sort(count: int, others: int, wanted: int, sizes: tuple[int, int]) -> None:
    rows, columns = to_directions(vectors(count, 3)), to_directions(vectors(others, 3, seed=1))
    columns[others - others // 2 :] = columns[: others // 2].copy()  # ties
    products = cosines(rows, columns)
    expected = np.argsort(-products, axis=1, kind="stable")[:, :wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directions, "ROWS", sizes[0])
        patch.setattr(directions, "OTHERS", sizes[1])
        places, best = nearest(rows, columns, wanted)
    assert places.shape == best.shape == (count, wanted)
    told = min(wanted, others)
    assert places[:, :told].tolist() == expected.tolist()
    assert best[:, :told].tolist() == np.take_along_axis(products, expected, axis=1).tolist()
    assert (places[:, told:] == -1).all()
    assert np.isneginf(best[:, told:]).all()
