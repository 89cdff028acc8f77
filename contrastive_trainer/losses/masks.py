"""What is left out of the denominators, tile by tile. Shapes: see `tiles`; K is the width of a key."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class SameId:
    """Leave out pairs of the same id."""

    row_N: torch.Tensor
    column_M: torch.Tensor

    def __call__(self, rows: slice, columns: slice) -> torch.Tensor:
        return self.row_N[rows, None] == self.column_M[columns]


@dataclass(frozen=True, slots=True)
class OneColumn:
    """Leave out one column of each row; the columns ascend from row to row."""

    column_N: torch.Tensor
    places: list[int]  # the same, on the host: which tiles it touches is then known without waiting

    def __call__(self, rows: slice, columns: slice) -> torch.Tensor | None:
        if self.places[rows.stop - 1] < columns.start or self.places[rows.start] >= columns.stop:
            return None
        device = self.column_N.device
        return self.column_N[rows, None] == torch.arange(columns.start, columns.stop, device=device)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeKeys:
    """Leave out pairs whose keys are alike, unless they have the same id.

    CLOC's mask of false negatives (arXiv 2410.02746): a pair whose texts have a cosine above 0.9 is no
    negative.
    """

    row_NK: torch.Tensor  # unit rows
    column_MK: torch.Tensor
    row_ids_N: torch.Tensor
    column_ids_M: torch.Tensor
    above: float

    def __call__(self, rows: slice, columns: slice) -> torch.Tensor:
        alike_RC = self.row_NK[rows] @ self.column_MK[columns].T > self.above
        return alike_RC.logical_and_(self.row_ids_N[rows, None] != self.column_ids_M[columns])
