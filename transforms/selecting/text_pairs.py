"""Sentences beside the wrong sentences that were made of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from recipes.hygiene import words_of
from transforms.selecting.draws import draw

MAX_CHARS = 4096
MAX_WORDS = 256
"""Of a text that are read; what follows is left out, to bound time and memory."""

Hashes = NDArray[np.uint64]
T = TypeVar("T")

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPair:
    """A true sentence and a wrong one of the same sample.

    Args:
        uid: the sample's.
        place: of the pair among the sample's.
        alt_text: the sample's; text that is not about the pair, from which a language model learns.
    """

    uid: str
    place: int
    positive: str
    negative: str
    alt_text: str = ""


def draw_pairs(pairs: Iterable[TextPair], limit: int) -> list[TextPair]:
    """Return the `limit` pairs that come first by a lot: a sample that no order or grouping changes.

    Drawing from draws of parts gives the same as drawing from all, so that a pool's sample is a
    `CombineGlobally` of this.
    """
    return nsmallest(limit, pairs, key=lambda pair: (draw(0, "pair", pair.uid, str(pair.place)), _told(pair)))


def fold_of(pair: TextPair, folds: int, seed: int) -> int:
    """Return the fold of a pair, 0 up to `folds` - 1; pairs of one sample share theirs."""
    return int(draw(seed, "fold", pair.uid) * folds)


def words_in(text: str) -> list[str]:
    """Return the words of an untrusted text, case folded, at most `MAX_WORDS`."""
    return words_of(text[:MAX_CHARS])[:MAX_WORDS]


def hash_words(words: Iterable[str]) -> Hashes:
    """Return a hash of each word, the same in every process."""
    hashes = [crc32(word.encode("utf-8", "surrogatepass")) for word in words]
    return scramble(np.array(hashes, np.uint64))


def scramble(values: Hashes) -> Hashes:
    """Return numbers of which each bit depends on all bits of a value (the middle of SplitMix64)."""
    mixed = (values + _PRIME) * _MIX
    return mixed ^ (mixed >> np.uint64(31))


def in_parts(items: Iterable[T], size: int = 4096) -> Iterator[list[T]]:
    """Yield lists of at most `size` items: what is in memory of their words at a time."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def _told(pair: TextPair) -> tuple[str, int, str, str, str]:
    return pair.uid, pair.place, pair.positive, pair.negative, pair.alt_text
