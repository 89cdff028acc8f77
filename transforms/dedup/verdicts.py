"""Settle a shard's losers: one verdict for each sample that is dropped."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrow import to_table
from schemas.facts import Verdict
from transforms.dedup.batch import BATCH_SCHEMA, column_values
from transforms.dedup.losers import LOSER_SCHEMA, REASON_OF_RULE

NAME_COLUMNS = ["index", "uid", "key"]
"""What is kept of a batch to name its losers by."""

_NAMES = pa.schema([BATCH_SCHEMA.field(name) for name in NAME_COLUMNS])


def settle(names: Iterable[pa.Table], losers: Iterable[pa.Table]) -> pa.Table:
    """Return the verdicts of one shard (`schemas.facts.Verdict`), sorted by index.

    Where several rules drop a sample, the first of `REASON_OF_RULE` gives the reason; where a rule found
    several winners, the best is named.
    """
    lost = _best_of_each(pa.concat_tables([LOSER_SCHEMA.empty_table(), *losers]))
    name_of = _names_of(names, lost.column("index"))
    told = zip(*(lost.column(name).to_pylist() for name in ("index", "rule", "value")), strict=True)
    rows = [
        Verdict(
            index=index,
            uid=name_of[index][0],
            key=name_of[index][1],
            stage="dedup",
            kind="dropped",
            reason=REASON_OF_RULE[rule],
            value=value,
        )
        for index, rule, value in told
    ]
    return to_table(Verdict, rows)


def _best_of_each(losers: pa.Table) -> pa.Table:
    """Keep each sample's first loss by (rule, priority of the winner); sorted by index."""
    index = column_values(losers, "index")
    winner = [column_values(losers, name) for name in ("winner_index", "winner_order", "winner_pixels")]
    ranked = np.lexsort((winner[0], winner[1], -winner[2], column_values(losers, "rule"), index))
    firsts = np.unique(index[ranked], return_index=True)[1]
    return losers.take(ranked[firsts])


def _names_of(names: Iterable[pa.Table], wanted: "pa.ChunkedArray[Any]") -> dict[int, tuple[str, str]]:
    """Return {index: (uid, key)} of the wanted samples."""
    everything = pa.concat_tables([_NAMES.empty_table(), *names])
    found = everything.filter(pc.is_in(everything.column("index"), value_set=wanted.combine_chunks()))
    columns = [found.column(name).to_pylist() for name in NAME_COLUMNS]
    return {index: (uid, key) for index, uid, key in zip(*columns, strict=True)}
