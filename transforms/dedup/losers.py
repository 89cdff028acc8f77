"""Rows that lose to a better one, and by which rule."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.dedup.batch import column_values

IN_LIST: Final = 0
NEAR_LIST: Final = 1
SAME_UID: Final = 2
SAME_BYTES: Final = 3
NEAR: Final = 4
REASON_OF_RULE = (
    "evaluation_image",
    "evaluation_image",
    "repeated_uid",
    "exact_duplicate",
    "near_duplicate",
)
"""The reason of each rule; of several rules that drop a sample, the smallest gives the reason."""

_COLUMNS: dict[str, pa.DataType] = {
    "order": pa.int32(),
    "index": pa.int64(),
    "uid": pa.string(),
    "key": pa.string(),
    "rule": pa.int8(),
    "winner_pixels": pa.int64(),
    "winner_order": pa.int32(),
    "winner_index": pa.int64(),
    "value": pa.string(),
}
LOSER_SCHEMA = pa.schema(_COLUMNS)
"""A row a lost comparison; `winner_*` are the winner's priority."""

Positions = npt.NDArray[np.int64]


def make_losers(rows: pa.Table, losers: Positions, winners: Positions, rules: Positions) -> pa.Table:
    """Return the rows at `losers`, each with the row at `winners` that it loses to; `value` is its uid."""
    lost = rows.select(["order", "index", "uid", "key"]).take(losers)
    won = rows.select(["pixels", "order", "index", "uid"]).take(winners)
    pixels, order, index, uid = won.columns
    columns = {
        "order": lost.column("order"),
        "index": lost.column("index"),
        "uid": lost.column("uid"),
        "key": lost.column("key"),
        "rule": pa.chunked_array([pa.array(rules, pa.int8())]),
        "winner_pixels": pixels,
        "winner_order": order,
        "winner_index": index,
        "value": uid,
    }
    return pa.table(columns, schema=LOSER_SCHEMA)


def split_by_shard(losers: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the losers of each shard that has some, as (shard order, losers)."""
    for order in np.unique(column_values(losers, "order")).tolist():
        yield order, losers.filter(pc.field("order") == order)
