import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transforms.selecting.gap_grid import GapGrid, cells_of, fit_grid

GAPS = arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.integers(-4, 4))


@settings(max_examples=100)
@given(GAPS)
def test_mirrored_gaps_lie_in_mirrored_cells_of_which_as_many_are_kept(gaps: np.ndarray) -> None:
    grid = fit_grid(gaps, [2, 3])
    cells = cells_of(gaps, grid.borders)
    assert np.array_equal(cells_of(-gaps, grid.borders), -cells)
    kept = grid.shares_of(gaps)
    assert (kept <= 1).all()
    for cell in np.unique(cells):
        assert kept[cells == cell].sum() == pytest.approx(kept[cells == -cell].sum())
        fuller = max(kept[cells == cell].max(), kept[cells == -cell].max(initial=0))
        assert fuller == 1 or not (cells == -cell).any()


def test_by_hand() -> None:
    gaps = np.array([[1.0], [1.0], [-1.0], [5.0], [0.0], [-2.0], [2.0]])
    grid = fit_grid(gaps, [2])
    assert grid.borders == ((1.0, 2.0),)
    # Two against one; 5 and 2 against -2; the zero is its own mirror.
    assert grid.shares_of(gaps).tolist() == [0.5, 0.5, 1.0, 0.5, 1.0, 1.0, 0.5]
    # A gap that is smaller than any that was seen counts as none; a cell that was not seen is left out.
    assert grid.shares_of(np.array([[0.5], [-9.0]])).tolist() == [1.0, 1.0]
    assert GapGrid(borders=((1.0,),), shares={0: 1.0}).shares_of(np.array([[2.0]])).tolist() == [0.0]


def test_cells_of_several_scorers_are_distinct() -> None:
    sizes = [-3.0, -1.5, 0.0, 1.5, 3.0]
    gaps = np.array([[one, other] for one in sizes for other in sizes])
    assert len(np.unique(cells_of(gaps, [(1.0, 2.0), (1.0, 2.0)]))) == 25
