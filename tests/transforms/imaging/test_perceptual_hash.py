import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.imaging.perceptual_hash import perceptual_hashes


def _reference(luma: np.ndarray) -> tuple[list[float], float]:
    """Return the 64 coefficients by explicit sums of cosines, and the median of all but the first."""
    small = [[luma[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean() for x in range(32)] for y in range(32)]
    cosines = [[math.cos(math.pi * u * (2 * x + 1) / 64) for x in range(32)] for u in range(8)]
    coefficients = [
        math.fsum(small[y][x] * cosines[v][y] * cosines[u][x] for y in range(32) for x in range(32))
        for v in range(8)
        for u in range(8)
    ]
    return coefficients, sorted(coefficients[1:])[31]


def _bits(value: int) -> list[int]:
    return [value >> (63 - place) & 1 for place in range(64)]


@pytest.mark.parametrize("seed", range(3))
def test_bits_are_those_of_explicit_cosine_sums(seed: int) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (64, 64), dtype=np.uint8)
    coefficients, median = _reference(luma)
    bits = _bits(int(perceptual_hashes(luma[None])[0]))
    assert bits[0] == 0
    clear = [place for place in range(1, 64) if abs(coefficients[place] - median) > 1]
    assert len(clear) >= 55
    assert [bits[place] for place in clear] == [int(coefficients[place] > median) for place in clear]


def test_coefficients_that_cancel_are_no_noise() -> None:
    # Only horizontal frequencies: 56 of the 63 coefficients are exactly 0, and so is the median.
    column = np.cos(np.pi * 3 * (2 * np.arange(64) + 1) / 128)
    luma = np.tile(np.rint(128 + 100 * column).astype(np.uint8), (64, 1))
    bits = _bits(int(perceptual_hashes(luma[None])[0]))
    assert bits[3] == 1
    assert sum(bits[8:]) == 0


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_the_batch_does_not_matter(seed: int, count: int) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (count, 64, 64), dtype=np.uint8)
    together = perceptual_hashes(luma)
    assert together.dtype == np.uint64
    assert together.tolist() == [int(perceptual_hashes(one[None])[0]) for one in luma]


def test_brighter_and_darker_copies_have_the_same_hash() -> None:
    luma = np.random.default_rng(1).integers(40, 200, (64, 64), dtype=np.uint8)
    first, second = perceptual_hashes(np.stack([luma, luma + 30]))
    assert first == second
