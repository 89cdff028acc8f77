"""Which rows go to which partition."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from schemas.config import DedupConfig, NearConfig
from schemas.facts import Facts
from transforms.dedup.batch import batch_from_facts, batch_from_list
from transforms.dedup.plan import PARTITION_ROWS, make_plan, partition_of
from transforms.dedup.spread import spread
from transforms.hash_list import HASH_LIST_SCHEMA

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


def test_every_row_reaches_one_partition_of_uid_and_of_bytes() -> None:
    plan = replace(make_plan(DedupConfig(near=NEAR), 1_000, 0), partitions=7)
    parts = list(spread(batch(1_000), plan))
    for kind in ("uid", "sha256"):
        reached = [i for k, _, rows in parts if k == kind for i in rows["index"].to_pylist()]
        assert sorted(reached) == list(range(1_000))
    assert len({(kind, partition) for kind, partition, _ in parts}) == len(parts) <= 3 * 7


def test_partitions_are_even() -> None:
    plan = replace(make_plan(DedupConfig(), 10_000, 0), partitions=5)
    sizes = [len(rows) for kind, _, rows in spread(batch(10_000), plan) if kind == "uid"]
    assert len(sizes) == 5
    assert all(1_800 < size < 2_200 for size in sizes)  # 2,000, and 5 standard deviations of 40


def test_a_row_reaches_a_partition_of_near_pictures_once_however_many_keys_lead_there() -> None:
    plan = replace(make_plan(DedupConfig(near=NEAR), 1_000, 0), partitions=2)
    assert len(plan.bands.masks) == 5
    homes = {p: rows["index"].to_pylist() for kind, p, rows in spread(batch(1_000), plan) if kind == "phash"}
    with_hash = [i for i in range(1_000) if i % 5]
    assert sorted(homes) == [0, 1]
    assert all(len(set(rows)) == len(rows) for rows in homes.values())
    assert sorted({*homes[0], *homes[1]}) == with_hash


def test_only_what_the_configuration_asks_for_is_sent() -> None:
    entry = {"name": "e", "sha256": b"\0" * 32, "phash": 1, "colour_grid": None}
    listed = batch_from_list(pa.Table.from_pylist([entry], schema=HASH_LIST_SCHEMA))

    def kinds(rows: pa.Table, config: DedupConfig, entries: int) -> list[str]:
        return [kind for kind, _, _ in spread(rows, make_plan(config, 10, entries))]

    assert kinds(batch(10), DedupConfig(exact=False), 0) == ["uid"]
    assert kinds(batch(10), DedupConfig(exact=False), 1) == ["uid", "sha256"]
    assert kinds(batch(10), DedupConfig(near=NEAR), 0) == ["uid", "sha256", "phash"]
    assert kinds(listed, DedupConfig(near=NEAR), 1) == ["sha256", "phash"]
    assert kinds(batch(0), DedupConfig(near=NEAR), 0) == []


def test_partitions_grow_with_the_rows() -> None:
    sizes = [PARTITION_ROWS - 1, PARTITION_ROWS, 3 * PARTITION_ROWS]
    assert [make_plan(DedupConfig(), rows, 0).partitions for rows in (0, *sizes)] == [1, 1, 1, 3]
    assert make_plan(DedupConfig(), PARTITION_ROWS, PARTITION_ROWS).partitions == 2
