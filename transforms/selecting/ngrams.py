"""How plausible a text reads, by counts of word n-grams in a table of fixed size.

N-grams are counted by a hash of their words, as in the hashing trick (Weinberger et al. 2009, arXiv
0902.2206): memory does not grow with the texts, and tables of parts add up. A word w after a context h has
the probability of Dirichlet smoothing (MacKay & Peto 1995),

    P(w | h) = (c(hw) + M P(w | h')) / (c(h) + M)

with c(h) how often something follows h, h' the context without its first word, M = 2, and before all
contexts 2^15 words equally likely.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.text_pairs import Hashes, hash_words, in_parts, scramble, words_in

Counts = NDArray[np.int32]
Floats = NDArray[np.float64]
Places = NDArray[np.int64]

ORDER = 3
PRIOR = 2.0
KINDS = 1 << 15

_BITS = 20
_PADDING = ["<"] * (ORDER - 1)  # no words: those have no punctuation
_END = ">"


def count_ngrams(texts: Iterable[str]) -> Counts:
    """Return the table of counts of texts."""
    table = np.zeros(1 << _BITS, np.int32)
    for part in in_parts(texts):
        for grams, contexts in _cells(part)[0]:
            np.add.at(table, grams, 1)
            np.add.at(table, contexts, 1)
    return table


def plausibility(table: Counts, texts: Iterable[str]) -> Floats:
    """Return the mean log2 probability of each text's words and end, after up to two words: at most 0."""
    found = [np.empty(0)]
    for part in in_parts(texts):
        cells, text_of = _cells(part)
        probability = np.full(len(text_of), 1 / KINDS)
        for grams, contexts in cells:
            # By a collision an n-gram may count oftener than its context.
            seen = np.minimum(table[grams], table[contexts])
            probability = (seen + PRIOR * probability) / (table[contexts] + PRIOR)
        found.append(np.bincount(text_of, np.log2(probability)) / np.bincount(text_of))
    return np.concatenate(found)


def _cells(texts: Sequence[str]) -> tuple[list[tuple[Places, Places]], Places]:
    """Return the cells of all n-grams and of their contexts, order by order, and the text of each."""
    words = [[*_PADDING, *words_in(text), _END] for text in texts]
    hashes = hash_words(word for of_text in words for word in of_text)
    text_of = np.repeat(np.arange(len(texts)), [len(of_text) for of_text in words])
    is_read = np.concatenate([np.arange(len(of_text)) >= len(_PADDING) for of_text in words])
    places = np.flatnonzero(is_read)
    cells, context = [], np.zeros(len(places), np.uint64)
    for order in range(ORDER):
        cells.append((_cell(context ^ hashes[places]), _cell(context)))
        context = scramble(~context ^ hashes[places - order - 1])
    return cells, text_of[places]


def _cell(hashes: Hashes) -> Places:
    return (scramble(hashes) >> np.uint64(64 - _BITS)).astype(np.int64)
