"""Settle a shard's losers: one verdict for each sample that is dropped."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from schemas.arrow import arrow_schema
from schemas.facts import Verdict
from transforms.dedup.batch import column_values
from transforms.dedup.losers import LOSER_SCHEMA, REASON_OF_RULE


def settle(losers: Iterable[pa.Table]) -> pa.Table:
    """Return the verdicts of one shard (`schemas.facts.Verdict`), sorted by index.

    Where several rules drop a sample, the first of `REASON_OF_RULE` gives the reason; where a rule found
    several winners, the best is named.
    """
    lost = _best_of_each(pa.concat_tables([LOSER_SCHEMA.empty_table(), *losers]))
    columns = {
        "index": lost.column("index"),
        "uid": lost.column("uid"),
        "key": lost.column("key"),
        "stage": pa.array(["dedup"] * len(lost), pa.string()),
        "kind": pa.array(["dropped"] * len(lost), pa.string()),
        "reason": pa.array([REASON_OF_RULE[rule] for rule in column_values(lost, "rule")], pa.string()),
        "value": lost.column("value"),
    }
    return pa.table(columns, schema=arrow_schema(Verdict)).combine_chunks()


def _best_of_each(losers: pa.Table) -> pa.Table:
    """Keep each sample's first loss by (rule, priority of the winner); sorted by index."""
    index, rule = column_values(losers, "index"), column_values(losers, "rule")
    place, order = column_values(losers, "winner_index"), column_values(losers, "winner_order")
    ranked = np.lexsort((place, order, -column_values(losers, "winner_pixels"), rule, index))
    return losers.take(ranked[np.unique(index[ranked], return_index=True)[1]])
