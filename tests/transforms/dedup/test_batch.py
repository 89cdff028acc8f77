"""Batches, their bytes and their order."""

import pyarrow as pa
import pytest

from schemas.facts import Facts
from transforms.dedup.batch import (
    BATCH_SCHEMA,
    batch_from_facts,
    batch_from_list,
    by_priority,
    column_bytes,
    from_ipc,
    to_ipc,
)
from transforms.hash_list import HASH_LIST_SCHEMA


def facts(index: int, width: int = 2, height: int = 3, phash: int | None = None) -> Facts:
    return Facts(
        index=index,
        uid=f"u{index}",
        key=f"k{index}",
        sha256=bytes([index]) * 32,
        width=width,
        height=height,
        phash=phash,
        colour_grid=bytes(range(27)) if phash is not None else None,
    )


def test_batch_holds_a_row_a_sample() -> None:
    batch = batch_from_facts(7, [facts(3, phash=2**64 - 1), facts(4)])
    assert batch.schema == BATCH_SCHEMA
    assert batch.to_pylist() == [
        {
            "order": 7,
            "index": 3,
            "uid": "u3",
            "key": "k3",
            "sha256": b"\3" * 32,
            "phash": 2**64 - 1,
            "colour_grid": bytes(range(27)),
            "pixels": 6,
        },
        {
            "order": 7,
            "index": 4,
            "uid": "u4",
            "key": "k4",
            "sha256": b"\4" * 32,
            "phash": None,
            "colour_grid": None,
            "pixels": 6,
        },
    ]


def test_a_unit_that_is_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unit 5 \(u\) has no sha256"):
        batch_from_facts(0, [Facts(index=5, uid="u", key="k", reason="empty_image")])


def test_ipc_round_trip_and_equal_bytes_however_the_table_is_chunked() -> None:
    whole = batch_from_facts(0, [facts(0), facts(1, phash=5)])
    chunked = pa.concat_tables([batch_from_facts(0, [facts(0)]), batch_from_facts(0, [facts(1, phash=5)])])
    assert from_ipc(to_ipc(whole)).equals(whole)
    assert to_ipc(chunked) == to_ipc(whole)
    empty = batch_from_facts(0, [])
    assert from_ipc(to_ipc(empty)).schema == BATCH_SCHEMA


def test_priority_is_list_then_pixels_then_order_then_index() -> None:
    entry = {"name": "e", "sha256": b"\0" * 32, "phash": None, "colour_grid": None}
    listed = batch_from_list(pa.Table.from_pylist([entry, entry], schema=HASH_LIST_SCHEMA))
    small = batch_from_facts(0, [facts(1, width=1)])
    shards = [batch_from_facts(order, [facts(9), facts(2), facts(10, width=4)]) for order in (1, 0)]
    rows = by_priority(pa.concat_tables([small, *shards, listed]))
    assert list(zip(rows["order"].to_pylist(), rows["index"].to_pylist(), strict=True)) == [
        (-1, 0),
        (-1, 1),
        (0, 10),
        (1, 10),
        (0, 2),
        (0, 9),
        (1, 2),
        (1, 9),
        (0, 1),
    ]


def test_bytes_of_a_sliced_column_with_nulls() -> None:
    column = pa.array([b"ab", None, b"cd", b"ef"], pa.binary(2))
    table = pa.table({"x": pa.chunked_array([column.slice(1, 2), column.slice(3)])})
    assert column_bytes(table, "x").tolist() == [[0, 0], [99, 100], [101, 102]]
    assert column_bytes(table.slice(0, 0), "x").shape == (0, 2)
