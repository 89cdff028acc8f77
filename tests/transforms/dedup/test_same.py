"""Rows that share a uid or their bytes."""

from typing import Any

import pyarrow as pa

from schemas.facts import Facts
from transforms.dedup.batch import batch_from_facts, batch_from_list, by_priority
from transforms.dedup.losers import IN_LIST, SAME_BYTES, SAME_UID
from transforms.dedup.same import first_of_each, repeated_uids, same_bytes
from transforms.hash_list import HASH_LIST_SCHEMA


def rows(*described: tuple[int, str, int]) -> pa.Table:
    """Return samples of (shard order, uid, byte of the hash), all of one size, numbered as given."""
    parts = [
        batch_from_facts(order, [Facts(index=i, uid=uid, key="", sha256=bytes([byte]) * 32)])
        for i, (order, uid, byte) in enumerate(described)
    ]
    return pa.concat_tables(parts)


def told(losers: pa.Table) -> list[tuple[Any, ...]]:
    columns = (losers[name].to_pylist() for name in ("index", "rule", "winner_index", "value"))
    return list(zip(*columns, strict=True))


def test_values_are_numbered_by_first_appearance() -> None:
    numbers, firsts = first_of_each(pa.chunked_array([["b", "a"], ["b", "c", "a"]]))
    assert numbers.tolist() == [0, 1, 0, 2, 1]
    assert firsts.tolist() == [0, 1, 3]


def test_the_first_of_a_uid_stays() -> None:
    some = by_priority(rows((1, "a", 0), (0, "a", 1), (0, "b", 2), (0, "a", 3)))
    assert told(repeated_uids(some)) == [(3, SAME_UID, 1, "a"), (0, SAME_UID, 1, "a")]


def test_names_of_a_list_are_no_uids() -> None:
    entries = [{"name": "a", "sha256": b"\5" * 32}] * 2
    listed = batch_from_list(pa.Table.from_pylist(entries, schema=HASH_LIST_SCHEMA))
    some = by_priority(pa.concat_tables([rows((0, "a", 1)), listed]))
    assert told(repeated_uids(some)) == []


def test_an_entry_of_a_list_beats_samples_and_is_no_loser() -> None:
    entries = [{"name": name, "sha256": b"\5" * 32} for name in ("first", "second")]
    listed = batch_from_list(pa.Table.from_pylist(entries, schema=HASH_LIST_SCHEMA))
    some = by_priority(pa.concat_tables([rows((0, "a", 5), (0, "b", 6), (0, "c", 6)), listed]))
    assert told(same_bytes(some, among_samples=True)) == [(0, IN_LIST, 0, "first"), (2, SAME_BYTES, 1, "b")]
    assert told(same_bytes(some, among_samples=False)) == [(0, IN_LIST, 0, "first")]
