"""The hash against SciPy's DCT, and the search against pairs counted one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from demo_data.perceptual_hash import Distinct, distance, perceptual_hash

UINT64 = st.integers(min_value=0, max_value=2**64 - 1)


@pytest.mark.parametrize("seed", range(20))
def test_the_hash_is_the_one_of_scipys_transform(seed: int) -> None:
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8))
    image = coarse.resize((300, 200), Image.Resampling.BICUBIC)
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), float)
    low = dctn(grey, type=2)[:8, :8]
    expected = 0
    for value in low.ravel():
        expected = expected * 2 + int(value > np.median(low))
    assert perceptual_hash(image) == expected
    assert expected.bit_count() == 32


@given(st.lists(UINT64, min_size=1, max_size=8), UINT64)
@settings(max_examples=100, deadline=None)
def test_nearest_is_the_least_distance(values: list[int], asked: int) -> None:
    seen = Distinct(len(values))
    assert seen.nearest(asked) == 65
    for value in values:
        assert seen.add_if_far(value, 0)
    assert not seen.add_if_far(values[-1], 1)
    assert seen.nearest(asked) == min(bin(value ^ asked).count("1") for value in values)
    assert distance(values[0], asked) == bin(values[0] ^ asked).count("1")
