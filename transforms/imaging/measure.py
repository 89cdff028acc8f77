"""Measure a batch of thumbs at once; this holds the interpreter lock, so it is all array arithmetic."""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from schemas.colour_names import colour_table
from schemas.facts import COLOURS
from transforms.imaging.perceptual_hash import perceptual_hashes
from transforms.imaging.thumbnail import SIDE

MIN_CONTRAST = 2.0
"""Below this standard deviation of the luma the bits of a perceptual hash are noise."""

_GROUP = 4
"""Thumbs measured at a time: with more, malloc gives the temporaries back to the system after each call and
faults them in again at the next, which doubled the time."""

_PIXELS = SIDE * SIDE
_LUMA_SCALE_BITS = 16
_LUMA_WEIGHTS = np.array([19595, 38470, 7471], dtype=np.float32)
_CELL_WEIGHTS = np.array([256, 16, 1], dtype=np.float32)
_GRID_EDGES = (0, 21, 43, 64)

_Bytes = NDArray[np.uint8]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured of B thumbs; the first axis of every array is the batch."""

    phash: NDArray[np.uint64]  # (B,)
    phash_valid: NDArray[np.bool_]  # (B,)
    colour_grid: _Bytes  # (B, 9, 3): mean RGB of 3 x 3 cells, row by row
    colour_shares: _Floats  # (B, 11): of `schemas.facts.COLOURS`
    brightness: _Floats  # (B,): mean of the luma, 0..255
    contrast: _Floats  # (B,): standard deviation of the luma
    sharpness: _Floats  # (B,): variance of its Laplacian
    entropy: _Floats  # (B,): bits, 0..8


def measure_thumbs(thumbs_bhwc: _Bytes) -> Measures:
    """Measure thumbs of shape (B, 64, 64, 3), RGB, uint8.

    Luma is ITU-R BT.601, rounded to 0..255. Sharpness is the variance of the 4-neighbour Laplacian over the
    62 x 62 inner pixels (Pech-Pacheco et al. 2000). The cells of the colour grid meet at pixels 21 and 43.
    All sums are exact integers, so the same thumb measures the same on every machine and in every batch.
    """
    starts = range(0, max(len(thumbs_bhwc), 1), _GROUP)
    groups = [_measure_group(thumbs_bhwc[start : start + _GROUP]) for start in starts]
    if len(groups) == 1:
        return groups[0]
    return Measures(
        **{f.name: np.concatenate([getattr(g, f.name) for g in groups]) for f in fields(Measures)}
    )


def _measure_group(thumbs_bhwc: _Bytes) -> Measures:
    count = len(thumbs_bhwc)
    floats = thumbs_bhwc.astype(np.float32)
    luma = _luma(floats)
    histogram = _histogram(luma)
    brightness, contrast = _mean_and_deviation(histogram)
    return Measures(
        phash=perceptual_hashes(luma),
        phash_valid=contrast >= MIN_CONTRAST,
        colour_grid=_colour_grid(floats.reshape(count, SIDE, SIDE * 3)),
        colour_shares=_colour_shares(thumbs_bhwc),
        brightness=brightness,
        contrast=contrast,
        sharpness=_sharpness(luma),
        entropy=_entropy(histogram),
    )


def _luma(floats_bhwc: NDArray[np.float32]) -> _Bytes:
    # The weights sum to 2 ** 16, so every sum is below 2 ** 24: an exact integer even in float32.
    weighted = floats_bhwc.reshape(-1, 3) @ _LUMA_WEIGHTS
    rounded = (weighted.astype(np.uint32) + (1 << (_LUMA_SCALE_BITS - 1))) >> _LUMA_SCALE_BITS
    return rounded.astype(np.uint8).reshape(floats_bhwc.shape[:3])


def _count_in_bins(bins_bn: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Count the values 0..size-1 in each row; the argument is overwritten."""
    count = len(bins_bn)
    bins_bn += np.arange(count, dtype=np.intp)[:, None] * size
    return np.bincount(bins_bn.ravel(), minlength=count * size).reshape(count, size)


def _histogram(luma_bhw: _Bytes) -> NDArray[np.intp]:
    return _count_in_bins(luma_bhw.reshape(len(luma_bhw), _PIXELS).astype(np.intp), 256)


def _mean_and_deviation(histogram_bl: NDArray[np.intp]) -> tuple[_Floats, _Floats]:
    levels = np.arange(256)
    total, squares = histogram_bl @ levels, histogram_bl @ levels**2
    deviation = np.sqrt((_PIXELS * squares - total**2).astype(np.float64)) / _PIXELS
    return np.asarray(total / _PIXELS, dtype=np.float64), deviation


def _entropy(histogram_bl: NDArray[np.intp]) -> _Floats:
    # Rounded, for the last bits of a logarithm are not the same everywhere.
    bits: _Floats = np.log2(_PIXELS) - _k_log_k()[histogram_bl].sum(axis=1) / _PIXELS
    return bits.round(6)


@cache
def _k_log_k() -> _Floats:
    counts = np.arange(_PIXELS + 1, dtype=np.float64)
    return np.asarray(counts * np.log2(np.maximum(counts, 1)))


def _sharpness(luma_bhw: _Bytes) -> _Floats:
    luma = luma_bhw.astype(np.int32)
    laplacian = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    laplacian -= 4 * luma[:, 1:-1, 1:-1]
    inner = (SIDE - 2) ** 2
    total = laplacian.sum(axis=(1, 2), dtype=np.int64)
    squares = (laplacian * laplacian).sum(axis=(1, 2), dtype=np.int64)
    return np.asarray((inner * squares - total**2) / inner**2, dtype=np.float64)


def _colour_grid(floats_bhx: NDArray[np.float32]) -> _Bytes:
    count = len(floats_bhx)
    rows = np.matmul(_cell_rows(), floats_bhx).reshape(count, 3, SIDE, 3)
    sums = np.matmul(_cell_rows(), rows).reshape(count, 9, 3)
    sides = _cell_rows().sum(axis=1)
    areas = np.outer(sides, sides).reshape(9, 1)
    return np.asarray(np.floor(sums / areas + 0.5), dtype=np.uint8)


@cache
def _cell_rows() -> NDArray[np.float32]:
    """Return the (3, 64) matrix that adds up the pixels of each third of a side."""
    rows = np.zeros((3, SIDE), dtype=np.float32)
    for cell in range(3):
        rows[cell, _GRID_EDGES[cell] : _GRID_EDGES[cell + 1]] = 1
    return rows


def _colour_shares(thumbs_bhwc: _Bytes) -> _Floats:
    count = len(thumbs_bhwc)
    cells = (thumbs_bhwc >> 4).astype(np.float32).reshape(-1, 3) @ _CELL_WEIGHTS
    names = colour_table().take(cells.astype(np.intp)).reshape(count, _PIXELS)
    return _count_in_bins(names, len(COLOURS)) / _PIXELS
