"""Keep as many pairs on either side of zero, so that the sign of a gap tells nothing.

A gap is by how much a blind scorer prefers the true sentence. SugarCrepe (Hsieh et al. 2023, arXiv
2306.14610) cuts the space of two scorers' gaps into a grid that is symmetric around zero, and
keeps equally many of the cells (g1, g2) and (-g1, -g2). Here scorers are any number, a cell's borders lie at
quantiles, and a pair of the fuller cell is kept by lot, with the ratio of both counts for probability: which
is decided for each pair alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapGrid:
    """A grid over the gaps of some scorers, and the share of each cell that is kept.

    Args:
        borders: for each scorer ascending sizes of a gap, above 0, that part its cells; a gap under the
            first one counts as none.
        shares: by cell; cells of a share of 0 are left out.
    """

    borders: tuple[tuple[float, ...], ...]
    shares: Mapping[int, float]

    def shares_of(self, gaps: Floats) -> Floats:
        """Return the share that is kept of the cell of each pair; gaps (N, scorers)."""
        cells, place = np.unique(cells_of(gaps, self.borders), return_inverse=True)
        return np.array([self.shares.get(int(cell), 0.0) for cell in cells], np.float64)[place]


def fit_grid(gaps: Floats, cells: Sequence[int]) -> GapGrid:
    """Return the grid of the gaps (N, scorers) of a sample.

    Args:
        cells: for each scorer, into how many cells each side of zero is parted.
    """
    borders = tuple(_borders(of_scorer, n) for of_scorer, n in zip(gaps.T, cells, strict=True))
    found, counts = np.unique(cells_of(gaps, borders), return_counts=True)
    count_of = dict(zip(found.tolist(), counts.tolist(), strict=True))
    shares = {cell: min(1.0, count_of.get(-cell, 0) / count) for cell, count in count_of.items()}
    return GapGrid(
        borders=borders, shares={0: 1.0} | {cell: share for cell, share in shares.items() if share}
    )


def cells_of(gaps: Floats, borders: Sequence[Sequence[float]]) -> Cells:
    """Return each pair's cell: a number whose negative is the mirrored cell, and 0 its own mirror.

    A number is written with the digits -n up to n of each scorer, in a base of 2 n + 1.
    """
    cells = np.zeros(len(gaps), np.int64)
    for of_scorer, sizes in zip(gaps.T, borders, strict=True):
        digits = np.searchsorted(np.asarray(sizes, np.float64), np.abs(of_scorer), side="right")
        cells = cells * (2 * len(sizes) + 1) + np.where(of_scorer < 0, -digits, digits)
    return cells


def _borders(gaps: Floats, cells: int) -> tuple[float, ...]:
    """Return the sizes of gaps that part them into equally full cells; fewer where many are equal."""
    sizes = np.sort(np.abs(gaps[gaps != 0]))
    if not len(sizes):
        return ()
    at = (np.arange(cells) * len(sizes)) // cells
    return tuple(np.unique(sizes[at]).tolist())
