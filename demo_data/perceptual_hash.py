"""A 64-bit perceptual hash to check planted pictures by, written apart from the one of the pipelines."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
LOW = 8


def _dct_rows() -> NDArray[np.float64]:
    """Return the first 8 rows of the 32-point DCT-II, up to scale."""
    k, n = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
    return np.asarray(np.cos(np.pi * k * (2 * n + 1) / (2 * SIDE)), np.float64)


_ROWS = _dct_rows()


def perceptual_hash(image: Image.Image) -> int:
    """Return which of the 8 x 8 lowest DCT coefficients of the 32 x 32 grey picture exceed their median.

    The 64 bits run row by row, the first the highest. After Zauner, "Implementation and benchmarking of
    perceptual image hash functions" (2010), section 3.2.1, with the median of all 64.
    """
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float64)
    low = _ROWS @ grey @ _ROWS.T
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(a: int, b: int) -> int:
    """Return the Hamming distance of two hashes, 0..64."""
    return (a ^ b).bit_count()


class Distinct:
    """The hashes of pictures accepted so far, at most `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._hashes = np.zeros(capacity, np.uint64)
        self._count = 0

    def nearest(self, value: int) -> int:
        """Return the distance to the nearest hash; 65 where there is none."""
        if self._count == 0:
            return 65
        return int(np.bitwise_count(self._hashes[: self._count] ^ np.uint64(value)).min())

    def add_if_far(self, value: int, least: int) -> bool:
        """Accept a hash that is at least so far from all others; return whether it was."""
        if self.nearest(value) < least:
            return False
        self._hashes[self._count] = value
        self._count += 1
        return True
