"""Which samples a report shows: drawn evenly, the same ones every time."""

import hashlib
from collections.abc import Mapping


def spread(whole: int, wanted: int, seed: str) -> list[int]:
    """Return `wanted` places of `whole`, ascending: one by chance from each of as many equal stretches.

    >>> spread(3, 10, "a")
    [0, 1, 2]
    >>> [place // 10 for place in spread(50, 5, "a")]
    [0, 1, 2, 3, 4]
    """
    if wanted >= whole:
        return list(range(whole))
    places = []
    for number in range(wanted):
        first, end = number * whole // wanted, (number + 1) * whole // wanted
        digest = hashlib.sha256(f"{seed}\0{number}".encode()).digest()
        places.append(first + int.from_bytes(digest[:8], "big") * (end - first) // 2**64)
    return places


def shares(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Return how many to draw of each kind, `wanted` in all: the same of each, and all of the rare ones.

    >>> shares({"a": 100, "b": 2, "c": 50}, 12)
    {'a': 5, 'b': 2, 'c': 5}
    """
    drawn = dict.fromkeys(sorted(counts), 0)
    left = min(wanted, sum(counts.values()))
    while left:
        open_kinds = [kind for kind in drawn if drawn[kind] < counts[kind]]
        each = max(1, left // len(open_kinds))
        for kind in open_kinds:
            more = min(each, counts[kind] - drawn[kind], left)
            drawn[kind] += more
            left -= more
    return drawn
