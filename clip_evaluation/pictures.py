"""The pictures of a set: known by their hashes, and read again when they are embedded."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import RunError

Read = Callable[[], Iterator[tuple[str, bytes]]]
"""Yields (where it lies, encoded file) of each picture, in the same order every time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Hashes of the pictures of a set, one a row; equal files have equal hashes."""

    digests: tuple[bytes, ...]
    read: Read

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
        for row, (where, data) in enumerate(self.read()):
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


def scan(read: Read) -> Pictures:
    """Read all pictures once, one in memory at a time."""
    return Pictures(digests=tuple(hash_of(data) for _, data in read()), read=read)
