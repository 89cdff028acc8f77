"""The 64-bit perceptual hash of a picture."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIDE, _LOW = 32, 8
_COSINE_SCALE = 2**16


def perceptual_hashes(luma_bhw: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the pHash of each 64 x 64 luma image, shape (B,), uint64.

    The luma is averaged to 32 x 32 and transformed by a DCT-II. Of its 8 x 8 lowest coefficients, row by row
    from the highest bit, a bit is set where the coefficient is over the median of the 63 that are not the
    mean (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.1.2).
    The mean's own bit, the highest, is always 0. Ties are 0.

    Cosines are rounded to 1/65536, which makes every sum an exact integer in float64: the bits do not depend
    on the machine's order of additions, and coefficients that cancel are 0, not noise.
    """
    count = len(luma_bhw)
    pairs = luma_bhw.reshape(count, _SIDE, 2, 2 * _SIDE).sum(axis=2, dtype=np.uint16)
    sums = pairs[:, :, 0::2] + pairs[:, :, 1::2]  # four times the mean: a factor that no comparison sees
    cosines_lx = _cosines()
    rows = sums.astype(np.float64).reshape(-1, _SIDE) @ cosines_lx.T
    block = np.matmul(cosines_lx, rows.reshape(count, _SIDE, _LOW)).reshape(count, _LOW * _LOW)
    median = np.sort(block[:, 1:], axis=1)[:, 31]
    bits = block > median[:, None]
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


@cache
def _cosines() -> NDArray[np.float64]:
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    # Not orthonormal: that would weigh the first row and column by 1/sqrt(2), which is no integer.
    cosines = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))
    return np.asarray(np.rint(_COSINE_SCALE * cosines), dtype=np.float64)
