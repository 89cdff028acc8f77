"""Choices that depend on a sample's uid and on nothing else."""

import hashlib


def draw(uid: str, purpose: str, count: int) -> int:
    """Return a number in 0..count-1, spread evenly over uids and independent between purposes."""
    if count == 1:
        return 0
    key = f"{purpose}\0{uid}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") % count
