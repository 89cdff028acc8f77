"""Choices that depend on a sample's uid and on nothing else."""

from functools import lru_cache
from hashlib import blake2b


def draw(uid: str, purpose: str, count: int) -> int:
    """Return a number in 0..count-1, spread evenly over uids and independent between purposes."""
    if count == 1:
        return 0
    return _number(uid, purpose) % count


@lru_cache(64)
def _number(uid: str, purpose: str) -> int:
    """Return a number of 64 bits; a sample's tags draw for the same purposes."""
    key = f"{purpose}\0{uid}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big")
