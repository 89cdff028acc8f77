"""The pictures of a set: known by their hashes, and read again when they are embedded."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.decoding import flaw
from schemas.errors import RunError

Told = TypeVar("Told")
_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Hashes of the pictures of a set, one a row; equal files have equal hashes.

    `read` yields (where it lies, encoded file, what else is told) of each, in the same order every time.
    """

    digests: tuple[bytes, ...]
    read: Callable[[], Iterator[tuple[str, bytes, Any]]]

    def unique(self) -> tuple[list[bytes], NDArray[np.int64]]:
        """Return the different hashes in the order of their first row, and the place of each row's."""
        places: dict[bytes, int] = {}
        place_N = [places.setdefault(digest, len(places)) for digest in self.digests]
        return list(places), np.array(place_N, dtype=np.int64)

    def clusters(self) -> NDArray[np.int64]:
        """Return a number for each row, the same for rows of equal files."""
        return self.unique()[1]

    def again(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield (place among the different ones, where, file) of each different picture, in order.

        Raises:
            RunError: the set is another than before.
        """
        following = 0
        seen = set[bytes]()
        for row, (where, data, _) in enumerate(self.read()):
            digest = hash_of(data)
            if row >= len(self.digests) or digest != self.digests[row]:
                raise RunError(f"{where} has changed since the evaluation began; evaluate again")
            if digest not in seen:
                seen.add(digest)
                yield following, where, data
                following += 1


def hash_of(data: bytes) -> bytes:
    """Return the hash that stands for an encoded picture."""
    return hashlib.sha256(data).digest()


def scan(read: Callable[[], Iterator[tuple[str, bytes, Told]]]) -> tuple[Pictures, list[Told]]:
    """Read all pictures once, one in memory at a time; return them and what is told of each.

    Raises:
        RunError: some are seen to be broken; it names the first ones.
    """
    digests: list[bytes] = []
    told: list[Told] = []
    broken: list[str] = []
    first = ""
    for where, data, more in read():
        digests.append(hash_of(data))
        told.append(more)
        if found := flaw(data):
            first = first or f"{where}: {found}; remove it"
            broken.append(where)
    if broken:
        others = f" and {len(broken) - 1} more broken ones" if len(broken) > 1 else ""
        named = f" ({', '.join(broken[1 : 1 + _NAMED])}{', ...' if len(broken) > 1 + _NAMED else ''})"
        raise RunError(f"{first}{others}{named if others else ''}")
    return Pictures(digests=tuple(digests), read=read), told
