"""Find rows that share a uid or the bytes of their image."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.dedup.batch import EVALUATION_ORDER, column_values
from transforms.dedup.losers import IN_LIST, SAME_BYTES, SAME_UID, Positions, make_losers


def first_of_each(column: "pa.ChunkedArray[Any]") -> tuple[Positions, Positions]:
    """Number a column's distinct values by first appearance.

    Returns:
        The number of each row's value, and the row where each value appears first.
    """
    encoded: pa.DictionaryArray[Any, Any] = column.combine_chunks().dictionary_encode()
    numbers = encoded.indices.to_numpy().astype(np.int64)
    return numbers, np.unique(numbers, return_index=True)[1].astype(np.int64)


def repeated_uids(rows: pa.Table) -> pa.Table:
    """Return the samples, of rows sorted by priority, that have the uid of a better sample."""
    rows = rows.filter(pc.field("order") != EVALUATION_ORDER)
    numbers, firsts = first_of_each(rows.column("uid"))
    winners = firsts[numbers]
    losers = np.flatnonzero(winners != np.arange(len(rows)))
    return make_losers(rows, losers, winners[losers], np.full(len(losers), SAME_UID))


def same_bytes(rows: pa.Table, *, among_samples: bool) -> pa.Table:
    """Return the samples, of rows sorted by priority, that have the same bytes as a better row: an entry of
    an evaluation list or, if `among_samples`, another sample.
    """
    numbers, firsts = first_of_each(rows.column("sha256"))
    winners = firsts[numbers]
    listed = column_values(rows, "order") == EVALUATION_ORDER
    loses = (winners != np.arange(len(rows))) & ~listed & (listed[winners] | among_samples)
    losers = np.flatnonzero(loses)
    rules = np.where(listed[winners[losers]], IN_LIST, SAME_BYTES)
    return make_losers(rows, losers, winners[losers], rules)
