import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_trainer.data.order import EpochOrder

SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any)


@given(SIZES, st.integers(1, 5), st.integers(0, 2**40), st.integers(0, 1000))
def test_every_sample_is_seen_once_and_from_few_shards_at_a_time(
    sizes: list[int], window: int, seed: int, epoch: int
) -> None:
    order = EpochOrder(sizes, seed=seed, epoch=epoch, window=window)
    seen = [order[k] for k in range(len(order))]
    assert sorted(seen) == [(shard, row) for shard, size in enumerate(sizes) for row in range(size)]
    position = 0
    while position < len(order):
        span = order.window(position)
        assert span.start == position
        assert len({shard for shard, _ in seen[span.start : span.stop]}) <= window
        assert all(order.window(k) == span for k in span)
        position = span.stop


@given(SIZES, st.integers(1, 5), st.data())
def test_any_position_alone_is_what_it_is_in_the_row(
    sizes: list[int], window: int, data: st.DataObject
) -> None:
    row = EpochOrder(sizes, seed=3, epoch=2, window=window)
    found = [row[k] for k in range(len(row))]
    position = data.draw(st.integers(0, len(row) - 1))
    assert EpochOrder(sizes, seed=3, epoch=2, window=window)[position] == found[position]


def test_it_is_this_order_for_ever() -> None:
    """A run that resumes under another NumPy or on another machine must go on in the same order."""
    order = EpochOrder([3, 2, 4], seed=1, epoch=0, window=2)
    # Worked again below from Philox's bits alone.
    assert [order[k] for k in range(9)] == by_hand([3, 2, 4], (1, 0), 2)


def by_hand(sizes: list[int], key: tuple[int, int], window: int) -> list[tuple[int, int]]:
    def drawn(stream: int, count: int) -> list[int]:
        bits = np.random.Philox(np.random.SeedSequence([*key, stream])).random_raw(count).tolist()
        return sorted(range(count), key=bits.__getitem__)

    shards = drawn(0, len(sizes))
    assert len(shards) == 3
    assert window == 2
    found = []
    for number, part in enumerate([shards[:2], shards[2:]], 1):
        rows = [(shard, row) for shard in part for row in range(sizes[shard])]
        found += [rows[k] for k in drawn(number, len(rows))]
    return found


def test_seeds_and_epochs_differ_and_all_places_are_likely() -> None:
    orders = {
        tuple(order[k] for k in range(20))
        for seed in range(3)
        for epoch in range(3)
        for order in [EpochOrder([10, 10], seed=seed, epoch=epoch, window=2)]
    }
    assert len(orders) == 9
    # Where sample (0, 0) comes, over 2,000 epochs: 20 places, each 100 times, standard deviation 9.7.
    counts = [0] * 20
    for epoch in range(2000):
        order = EpochOrder([10, 10], seed=5, epoch=epoch, window=2)
        counts[[order[k] for k in range(20)].index((0, 0))] += 1
    assert max(abs(count - 100) for count in counts) < 45


def test_a_hundred_million_samples_cost_little_memory() -> None:
    sizes = [10_000] * 10_000
    tracemalloc.start()
    order = EpochOrder(sizes, seed=0, epoch=0, window=8)
    found = [order[k] for k in (0, 79_999, 80_000, 99_999_999)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(found)) == 4
    assert peak < 16 * 2**20


def test_what_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        EpochOrder([0, 0], seed=0, epoch=0, window=2)
    order = EpochOrder([2], seed=0, epoch=0, window=1)
    for position in (-1, 2):
        with pytest.raises(IndexError, match="not in an epoch of 2"):
            order[position]
