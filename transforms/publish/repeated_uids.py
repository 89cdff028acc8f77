"""Finds uids that occur twice in more of them than fit into memory."""

from collections.abc import Iterable, Iterator

from transforms.publish.uid_spill import by_uid


def repeated_uids(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield each pair (uid, place) whose uid came before as (uid, first place, place).

    A part of them is in memory at a time; see `transforms.publish.uid_spill`.
    """
    for part in by_uid(named):
        first: dict[str, str] = {}
        for uid, place in part:
            if uid in first:
                yield uid, first[uid], place
            else:
                first[uid] = place
