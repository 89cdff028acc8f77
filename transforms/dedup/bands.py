"""Which bits two perceptual hashes must share to be compared at all."""

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

BITS = 64
MAX_KEYS = 128
"""Most keys a hash may have: the work of sorting them grows with it."""
GROUP_ROWS = 64
"""Expected rows that share a key, over which more and longer keys pay."""


@dataclass(frozen=True, slots=True)
class Bands:
    """The keys of a hash are `hash & mask` for each of `masks`; the shortest mask has `bits` bits."""

    masks: tuple[int, ...]
    bits: int


def plan_bands(max_distance: int, rows: int) -> Bands:
    """Choose keys such that any two hashes within `max_distance` bits share at least one.

    The 64 bits are cut into n near-equal bands. Two hashes that differ in d bits differ in at most d bands,
    so they agree in n - d, and every choice of n - d bands is a key (Manku, Jain, Das Sarma: Detecting
    Near-Duplicates for Web Crawling, WWW 2007, section 3). Of the plans of at most `MAX_KEYS` keys, takes
    the one of fewest keys where `rows` uniformly random hashes share one `GROUP_ROWS` at a time or fewer;
    where there is none, the one with the longest keys.

    Raises:
        ValueError: `max_distance` is not in 0..63.
    """
    if not 0 <= max_distance < BITS:
        raise ValueError(f"max_distance is {max_distance}; give 0 to {BITS - 1}")
    best = _cut(max_distance + 1, max_distance)
    for n in range(max_distance + 2, BITS + 1):
        if rows <= GROUP_ROWS << best.bits or comb(n, max_distance) > MAX_KEYS:
            break
        longer = _cut(n, max_distance)
        best = longer if longer.bits > best.bits else best
    return best


def _cut(n: int, max_distance: int) -> Bands:
    edges = [BITS * i // n for i in range(n + 1)]
    bands = [(1 << high) - (1 << low) for low, high in pairwise(edges)]
    masks = tuple(sum(chosen) for chosen in combinations(bands, n - max_distance))
    return Bands(masks, min(mask.bit_count() for mask in masks))
