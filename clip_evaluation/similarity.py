"""Cosines of embeddings, a block at a time.

Shapes: N queries, M gallery rows, D dimensions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

BLOCK_ELEMENTS = 2**23
"""Similarities in memory at a time: 32 MiB of float32."""

_TILE_ROWS = 4096


def unit_rows(rows_ND: Floats, name: str) -> NDArray[np.float32]:
    """Return the rows scaled to length 1, as float32; `name` says in errors what they are.

    Raises:
        ValueError: it is no matrix with rows, or a row is zero or not finite.
    """
    if rows_ND.ndim != 2 or 0 in rows_ND.shape:
        raise ValueError(f"{name} embeddings must be a matrix with rows, but have shape {rows_ND.shape}")
    unit_ND = np.empty(rows_ND.shape, dtype=np.float32)
    for start in range(0, len(rows_ND), _TILE_ROWS):
        tile = rows_ND[start : start + _TILE_ROWS].astype(np.float64)
        # Scaled by the largest entry first, so that no square overflows or vanishes.
        largest = np.abs(tile).max(axis=1, keepdims=True)
        bad = ~np.isfinite(largest[:, 0]) | (largest[:, 0] == 0)
        if bad.any():
            row = start + int(np.argmax(bad))
            raise ValueError(
                f"{name} embedding {row} is zero or not finite; the model or its input is broken"
            )
        tile /= largest
        unit_ND[start : start + _TILE_ROWS] = tile / np.linalg.norm(tile, axis=1, keepdims=True)
    return unit_ND


def check_widths(**matrices: Floats) -> None:
    """Check that embeddings come from one model.

    Raises:
        ValueError: they have different widths.
    """
    widths = {name: matrix.shape[1] for name, matrix in matrices.items()}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise ValueError(f"embeddings have different widths ({told}); they must come from one model")


def similarity_blocks(
    query_ND: NDArray[np.float32], gallery_MD: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first query, their cosines to the whole gallery) for blocks of queries; rows must be units.

    Products are summed in float64 and rounded to float32: equal embeddings then tie exactly, while in
    float32 the rounding depends on where in the matrix a row lies.
    """
    rows = max(1, BLOCK_ELEMENTS // len(gallery_MD))
    for start in range(0, len(query_ND), rows):
        query = query_ND[start : start + rows].astype(np.float64)
        block = np.empty((len(query), len(gallery_MD)), dtype=np.float32)
        for column in range(0, len(gallery_MD), _TILE_ROWS):
            tile = gallery_MD[column : column + _TILE_ROWS].astype(np.float64)
            block[:, column : column + len(tile)] = query @ tile.T
        yield start, block


def scaled_similarities(
    query_ND: NDArray[np.float32], gallery_MD: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    """Return the whole matrix (N, M) of cosines times `scale`; rows must be units."""
    return np.concatenate([np.float32(scale) * block for _, block in similarity_blocks(query_ND, gallery_MD)])


def row_similarities(left_ND: NDArray[np.float32], right_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each row with the row beside it; rows must be units.

    Raises:
        ValueError: the shapes differ.
    """
    if left_ND.shape != right_ND.shape:
        raise ValueError(f"rows cannot be paired: shapes are {left_ND.shape} and {right_ND.shape}")
    similarity_N = np.empty(len(left_ND), dtype=np.float32)
    for start in range(0, len(left_ND), _TILE_ROWS):
        part = slice(start, start + _TILE_ROWS)
        products = left_ND[part].astype(np.float64) * right_ND[part]
        similarity_N[part] = products.sum(axis=1)
    return similarity_N
