"""Which rows go to which partition."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from schemas.config import DedupConfig, NearConfig
from schemas.facts import Facts
from transforms.dedup.batch import batch_from_facts, column_values
from transforms.dedup.plan import PARTITION_ROWS, make_plan, partition_of
from transforms.dedup.spread import spread

NEAR = NearConfig(max_distance=4)


def batch(rows: int, order: int = 0) -> pa.Table:
    rng = np.random.default_rng(order)
    hashes = rng.integers(0, 2**64, rows, np.uint64).tolist()
    return batch_from_facts(
        order,
        [
            Facts(index=i, uid=f"{order}/{i}", key="", sha256=rng.bytes(32), phash=h if i % 5 else None)
            for i, h in enumerate(hashes)
        ],
    )


def test_splitmix64_gives_its_published_first_outputs() -> None:
    # The reference generator seeded with 1234567 (rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64).
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for salt, value in enumerate(published):
        for partitions in (2, 3, 1_000_003):
            (found,) = partition_of(np.array([1234567], np.uint64), salt, partitions)
            assert found == value % partitions


def test_rows_that_share_anything_meet_once_a_partition() -> None:
    plan = replace(make_plan(DedupConfig(near=NEAR), 1_000), partitions=7)
    rows = pa.concat_tables([batch(500), batch(500, order=1)])
    parts = list(spread(rows, plan))
    assert len({partition for partition, _ in parts}) == len(parts) == 7
    homes: dict[tuple[int, int], set[int]] = {}
    for partition, held in parts:
        for place in zip(column_values(held, "order"), column_values(held, "index"), strict=True):
            assert partition not in homes.setdefault(place, set())
            homes[place].add(partition)
    assert len(homes) == 1_000
    twin = rows.slice(3, 1)
    flipped = pa.array([twin["phash"][0].as_py() ^ 0b10110000000000000000000000000001], pa.uint64())
    same_uid = batch(4, order=2).slice(3).set_column(2, "uid", twin["uid"])
    same_bytes = batch(4, order=2).slice(3).set_column(4, "sha256", twin["sha256"])
    near = batch(4, order=2).slice(3).set_column(5, "phash", flipped)
    for other in (same_uid, same_bytes, near):
        assert homes[0, 3] & {partition for partition, _ in spread(other, plan)}


def test_a_row_goes_no_further_than_its_keys() -> None:
    plan = replace(make_plan(DedupConfig(near=NEAR), 1_000), partitions=1_000)
    parts = list(spread(batch(1_000), plan))
    copies = sum(len(held) for _, held in parts)
    # 2 copies of a row without a hash, 2 + 5 of one with; of 7 about 21 / 1,000 coincide.
    assert len(plan.bands.masks) == 5
    assert 200 * 2 + 800 * 7 - 100 < copies <= 200 * 2 + 800 * 7
    sizes = [len(held) for _, held in parts]
    assert len(sizes) > 900
    assert max(sizes) < 30  # of 6 on average


def test_one_partition_gets_every_row_once() -> None:
    ((partition, held),) = spread(batch(100), make_plan(DedupConfig(near=NEAR), 100))
    assert partition == 0
    assert held.equals(batch(100))
    assert list(spread(batch(0), make_plan(DedupConfig(), 0))) == []


def test_partitions_grow_with_the_copies_of_the_rows() -> None:
    def partitions(rows: int, near: NearConfig | None) -> int:
        return make_plan(DedupConfig(near=near), rows).partitions

    assert [partitions(rows, NEAR) for rows in (0, PARTITION_ROWS)] == [1, 1]
    assert partitions(PARTITION_ROWS + 1, None) == 3  # uid and bytes: twice the rows, rounded up
    assert partitions(2 * PARTITION_ROWS, None) == 4
    assert partitions(2 * PARTITION_ROWS, NEAR) == 2 * (15 + 2)  # 15 keys
