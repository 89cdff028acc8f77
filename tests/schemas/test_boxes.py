import doctest
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas import boxes
from schemas.boxes import area, crop_box, read_box

SIDES = st.integers(0, 40)


@st.composite
def grid_boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    x, y = (sorted(draw(st.lists(SIDES, min_size=2, max_size=2, unique=True))) for _ in range(2))
    return (x[0], y[0], x[1], y[1])


def test_examples() -> None:
    assert doctest.testmod(boxes).failed == 0


@given(grid_boxes(), grid_boxes(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_a_crop_of_a_grid_is_a_slice_of_it(
    box: tuple[int, int, int, int], window: tuple[int, int, int, int], share: float
) -> None:
    """Paint the box into a 40 x 40 grid, cut the window out, and look where it is."""
    grid = np.zeros((40, 40), dtype=bool)
    grid[box[1] : box[3], box[0] : box[2]] = True
    cut = grid[window[1] : window[3], window[0] : window[2]]
    found = crop_box([s / 40 for s in box], [s / 40 for s in window], min_visible=share)
    visible = cut.sum() / grid.sum()
    assume(share in (0.0, 1.0) or abs(visible - share) > 1e-9)
    if not cut.any() or visible < share - (1e-9 if share == 1.0 else 0):
        assert found is None
    elif share < 1.0:
        assert found is not None
        rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
        height, width = cut.shape
        expected = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "0,0,1,1",
        [0, 0, 1],
        [0, 0, 1, 1, 1],
        [0, 0, 1, "1"],
        [0, 0, True, 1],
        [0, 0, 1, math.nan],
        [0, 0, 1, math.inf],
        [0, 0, 1, 10**400],
        {"0": 0},
        [[0], 0, 1, 1],
    ],
)
def test_what_is_no_box_is_none(value: Any) -> None:
    assert read_box(value) is None


def test_boxes_without_area_or_turned_round_are_cropped_to_nothing() -> None:
    for box in ([0.5, 0.5, 0.5, 0.9], [0.9, 0.1, 0.1, 0.9], [1e308, 0, -1e308, 1]):
        assert area(box) == 0
        assert crop_box(box, (0, 0, 1, 1)) is None
    assert crop_box([-1e308, 0, 1e308, 1], (0, 0, 1, 1)) is None
