"""Checks what a run says it did: in = published + dropped(reason) + failed(reason)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

KINDS = ("dropped", "failed")

Counts = Counter[tuple[str, str, str]]
"""Samples by kind, stage and reason."""


def whole(value: Any) -> int:
    """Return the value if it is a count.

    Raises:
        ValueError: it is no whole number from 0.
    """
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def check_accounts(counts: Any, rejected: Counts) -> Iterator[str]:
    """Yield where the counts of run.json do not balance, or the rows of `rejected/` do not bear them out."""
    try:
        entered, published = (whole(counts[name]) for name in ("in", "published"))
        told = _told(counts)
    except (TypeError, LookupError, AttributeError, ValueError):
        yield "run.json: counts are not {in, published, dropped {stage {reason n}}, failed {...}}"
        return
    if entered != published + told.total():
        yield f"run.json: {entered} in, but {published} published and {told.total()} dropped or failed"
    for kind, stage, reason in sorted(set(told) | set(rejected)):
        said, there = told[kind, stage, reason], rejected[kind, stage, reason]
        if said != there:
            yield f"rejected: {there} rows {kind} by {stage} for {reason!r}, but run.json counts {said}"


def _told(counts: Mapping[str, Any]) -> Counts:
    return Counter(
        {
            (kind, stage, reason): whole(number)
            for kind in KINDS
            for stage, reasons in counts[kind].items()
            for reason, number in reasons.items()
        }
    )


def check_sizes(
    sizes: Mapping[str, Any], tars: Sequence[str], per_shard: int | None, published: Any
) -> Iterator[str]:
    """Yield where sizes.json is not what it should be.

    Args:
        sizes: as read.
        tars: base names of the shards that are there.
        per_shard: what all shards but the last must hold; None where it is not known.
        published: the count of run.json.
    """
    for name in sorted(set(sizes) - set(tars)):
        yield f"shards/{name}: missing"
    for name in sorted(set(tars) - set(sizes)):
        yield f"shards/{name}: not in sizes.json"
    if any(earlier > later for earlier, later in pairwise(sizes)):
        yield "shards/sizes.json: not sorted"
    wrong = [
        f"shards/sizes.json: the size of {name} is {n!r}" for name, n in sizes.items() if not _is_size(n)
    ]
    yield from wrong
    if wrong:
        return
    for i, name in enumerate(sorted(sizes)):
        last = i == len(sizes) - 1
        if per_shard is not None and (sizes[name] > per_shard or (sizes[name] < per_shard and not last)):
            yield f"shards/{name}: {sizes[name]} samples by sizes.json, but samples_per_shard is {per_shard}"
    if sum(sizes.values()) != published:
        yield f"shards/sizes.json: {sum(sizes.values())} samples, but run.json counts {published} published"


def _is_size(value: Any) -> bool:
    return type(value) is int and value > 0
