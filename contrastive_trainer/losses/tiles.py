"""Tiles of a matrix of logits that is never held whole, and what is left out of it.

Shapes in this package: N rows (images of this rank), M columns (texts of all ranks), D embedding, R and C
rows and columns of one tile, E extra negatives, K items of one image (negatives, texts), V tags, T tags of
one image, P patches of an image, W width of a tower.
"""

from collections.abc import Callable, Iterator

import torch

TILE = 1024
"""Rows and columns of a tile: 4 MB of float32, large enough that the products run at full speed."""

TileMask = Callable[[slice, slice], torch.Tensor | None]
"""Gives the entries (bool, R x C) of a tile that are left out, or none where all stay."""


def full_precision(device: torch.device) -> torch.autocast:
    """Return a context in which autocast lowers nothing."""
    return torch.autocast(device_type=device.type, enabled=False)


def compute_dtype(*tensors: torch.Tensor) -> torch.dtype:
    """Return the type to compute in: float32, or float64 where an input is."""
    wide = any(tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if wide else torch.float32


def tiles(rows: int, columns: int, tile: int) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of a rows x columns matrix; the last ones may be smaller."""
    for top in range(0, rows, tile):
        for left in range(0, columns, tile):
            yield slice(top, min(top + tile, rows)), slice(left, min(left + tile, columns))


class LogitTiles:
    """The logits scale * row_ND @ column_MD.T, one tile at a time, all in one buffer."""

    def __init__(
        self,
        row_ND: torch.Tensor,
        column_MD: torch.Tensor,
        scale: torch.Tensor | float,
        masks: tuple[TileMask, ...] = (),
        tile: int = TILE,
    ) -> None:
        if tile < 1:
            raise ValueError(f"tile is {tile}; give at least 1 row")
        self._row_ND, self._column_MD, self._scale, self._masks = row_ND, column_MD, scale, masks
        self.shape = (len(row_ND), len(column_MD), tile)
        self._buffer = self.new_buffer()

    def new_buffer(self) -> torch.Tensor:
        """Return memory for one tile."""
        rows, columns, tile = self.shape
        return self._row_ND.new_empty(min(rows, tile) * min(columns, tile))

    def __iter__(self) -> Iterator[tuple[slice, slice, torch.Tensor]]:
        """Yield rows, columns and logits (R x C, minus infinity where a mask leaves one out).

        The caller may overwrite the logits: they are gone at the next tile anyway.
        """
        for rows, columns in tiles(*self.shape):
            yield rows, columns, self.at(rows, columns)

    def at(self, rows: slice, columns: slice) -> torch.Tensor:
        """Return one tile."""
        left_RD, right_CD = self._row_ND[rows] * self._scale, self._column_MD[columns]
        logits_RC = view(self._buffer, len(left_RD), len(right_CD))
        torch.mm(left_RD, right_CD.T, out=logits_RC)
        for mask in self._masks:
            left_out_RC = mask(rows, columns)
            if left_out_RC is not None:
                logits_RC.masked_fill_(left_out_RC, -torch.inf)
        return logits_RC


def view(buffer: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Return the start of a buffer as a contiguous rows x columns tile."""
    return buffer[: rows * columns].view(rows, columns)


class Gradients:
    """Gradients of both sides and of the scale, from tiles of the gradient of the logits."""

    def __init__(
        self, row_ND: torch.Tensor, column_MD: torch.Tensor, scale: torch.Tensor, needed: tuple[bool, ...]
    ) -> None:
        self._row_ND, self._column_MD, self._scale = row_ND, column_MD, scale
        # The scale's gradient falls out of either side's; a locked tower's product is saved.
        self._scale_needed = needed[2]
        self._row = torch.zeros_like(row_ND) if needed[0] or (needed[2] and not needed[1]) else None
        self._column = torch.zeros_like(column_MD) if needed[1] else None

    def add(self, rows: slice, columns: slice, gradient_RC: torch.Tensor) -> None:
        """Add one tile's share."""
        if self._row is not None:
            self._row[rows].addmm_(gradient_RC, self._column_MD[columns])
        if self._column is not None:
            self._column[columns].addmm_(gradient_RC.T, self._row_ND[rows])

    def sums(self) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """Return the gradients of rows, columns and scale; call once."""
        scale = None
        if self._scale_needed:
            side, other = (
                (self._row_ND, self._row) if self._row is not None else (self._column_MD, self._column)
            )
            assert other is not None
            scale = torch.linalg.vecdot(side, other).sum()
        for gradient in (self._row, self._column):
            if gradient is not None:
                gradient.mul_(self._scale)
        return self._row, self._column, scale
