"""Several losses of a sample become one verdict."""

from typing import Any

import pyarrow as pa

from schemas.arrow import arrow_schema, from_table
from schemas.facts import Verdict
from transforms.dedup.losers import LOSER_SCHEMA, NEAR, SAME_BYTES, SAME_UID
from transforms.dedup.verdicts import settle


def loss(index: int, rule: int, winner: tuple[int, int, int], value: str) -> dict[str, Any]:
    pixels, order, place = winner
    return {
        "order": 0,
        "index": index,
        "uid": f"u{index}",
        "key": f"k{index}",
        "rule": rule,
        "winner_pixels": pixels,
        "winner_order": order,
        "winner_index": place,
        "value": value,
    }


def test_the_first_rule_and_the_best_winner_are_told() -> None:
    losses = [
        loss(5, NEAR, (100, 0, 1), "better by pixels"),
        loss(5, NEAR, (50, 0, 0), "worse"),
        loss(3, NEAR, (900, 0, 0), "later rule"),
        loss(3, SAME_UID, (10, 9, 9), "u3"),
        loss(3, SAME_BYTES, (900, 0, 0), "later rule"),
        loss(8, NEAR, (7, 1, 0), "later shard"),
        loss(8, NEAR, (7, 0, 2), "later index"),
        loss(8, NEAR, (7, 0, 1), "best"),
    ]
    parts = [pa.Table.from_pylist([row], schema=LOSER_SCHEMA) for row in losses]
    found = from_table(Verdict, settle(parts))
    assert [(v.index, v.uid, v.key, v.stage, v.kind, v.reason, v.value) for v in found] == [
        (3, "u3", "k3", "dedup", "dropped", "repeated_uid", "u3"),
        (5, "u5", "k5", "dedup", "dropped", "near_duplicate", "better by pixels"),
        (8, "u8", "k8", "dedup", "dropped", "near_duplicate", "best"),
    ]
    assert settle(parts[::-1]).equals(settle(parts))


def test_a_shard_without_losers_has_an_empty_table() -> None:
    empty = settle([])
    assert len(empty) == 0
    assert empty.schema == arrow_schema(Verdict)
