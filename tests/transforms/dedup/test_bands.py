"""Keys of perceptual hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.dedup.bands import GROUP_ROWS, MAX_KEYS, plan_bands

HASHES = st.integers(0, 2**64 - 1)


@given(HASHES, st.sets(st.integers(0, 63), max_size=16), st.data())
def test_two_hashes_within_the_distance_share_a_key(hash_: int, flips: set[int], data: st.DataObject) -> None:
    other = hash_ ^ sum(1 << bit for bit in flips)
    max_distance = data.draw(st.integers(len(flips), 16))
    for exponent in range(0, 48, 3):  # runs through every plan of this distance
        masks = plan_bands(max_distance, 2**exponent).masks
        assert any(hash_ & mask == other & mask for mask in masks)


@pytest.mark.parametrize(
    ("max_distance", "rows", "keys", "bits"),
    [
        (0, 1, 1, 64),
        (0, 10**12, 1, 64),
        (1, 10**9, 2, 32),
        (3, 10**6, 4, 16),  # 10**6 / 2**16 = 15 rows a key
        (3, 2**22, 4, 16),  # 64 rows a key, just
        (3, 2**22 + 1, 10, 25),  # 5 bands of 12 or 13 bits, two of them a key
        (4, 100_000, 5, 12),  # 5 bands of 12 or 13 bits, one a key
        (4, 1_000_000, 15, 20),  # 12-bit keys would be shared by 244 rows; 6 bands of 10 or 11, two a key
        (16, 1_000_000, 17, 3),  # the only plan of 128 keys or fewer
    ],
)
def test_plan_takes_the_fewest_keys_that_keep_groups_small(
    max_distance: int, rows: int, keys: int, bits: int
) -> None:
    bands = plan_bands(max_distance, rows)
    assert (len(bands.masks), bands.bits) == (keys, bits)


@pytest.mark.parametrize("max_distance", range(17))
@pytest.mark.parametrize("rows", [0, 1, 10**3, 10**5, 10**7, 10**9])
def test_keys_are_distinct_and_bounded(max_distance: int, rows: int) -> None:
    bands = plan_bands(max_distance, rows)
    assert len(set(bands.masks)) == len(bands.masks) <= MAX_KEYS
    assert min(mask.bit_count() for mask in bands.masks) == bands.bits
    assert all(0 < mask < 2**64 for mask in bands.masks)
    covered = 0
    for mask in bands.masks:
        covered |= mask
    assert covered == 2**64 - 1


def test_groups_of_the_usual_distance_stay_small_up_to_a_billion_rows() -> None:
    for rows in (10**4, 10**6, 10**8, 10**9):
        assert rows / 2 ** plan_bands(4, rows).bits <= GROUP_ROWS


@pytest.mark.parametrize("max_distance", [-1, 64])
def test_a_distance_out_of_range_is_refused(max_distance: int) -> None:
    with pytest.raises(ValueError, match=f"max_distance is {max_distance}"):
        plan_bands(max_distance, 10)
