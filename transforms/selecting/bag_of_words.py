"""Which of two sentences is the true one, told by their words alone.

The model learns, from the difference of two sentences' word counts, that the first is the true one: the
pairwise logistic model of Bradley and Terry (1952), without an intercept, so that exchanging the sentences
turns the sign. Words are counted by a hash (Weinberger et al. 2009, arXiv 0902.2206).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.text_pairs import TextPair, hash_words, in_parts, words_in

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_BITS = 16
BUCKETS = 1 << _BITS
EPOCHS = 6
BATCH = 256
RATE = 0.3
DECAY = 1e-4
"""Of Adagrad (Duchi, Hazan & Singer 2011): steps of a size of their own for each word, rare ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How much oftener words stand in the true sentence: the entries that are not 0, pair by pair.

    `starts` has one more entry than there are pairs: those of pair n are at starts[n] up to starts[n + 1].
    """

    words: Places
    counts: Floats
    starts: Places

    def __len__(self) -> int:
        return len(self.starts) - 1

    def chosen(self, pairs: Places) -> "Differences":
        """Return those of some pairs, in the order asked."""
        sizes = self.starts[pairs + 1] - self.starts[pairs]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        entries = np.repeat(self.starts[pairs] - starts[:-1], sizes) + np.arange(starts[-1])
        return Differences(words=self.words[entries], counts=self.counts[entries], starts=starts)


def differences(pairs: Sequence[TextPair]) -> Differences:
    """Return the differences of the word counts of pairs."""
    words, counts, sizes = [np.empty(0, np.int64)], [np.empty(0)], [np.empty(0, np.int64)]
    for part in in_parts(pairs):
        of_sides = [[words_in(pair.positive) for pair in part], [words_in(pair.negative) for pair in part]]
        bags = [_bag(of_pairs) for of_pairs in of_sides]
        keys, place = np.unique(np.concatenate([bags[0], bags[1]]), return_inverse=True)
        count = np.bincount(place[: len(bags[0])], minlength=len(keys)).astype(np.float64)
        count -= np.bincount(place[len(bags[0]) :], minlength=len(keys))
        keys, count = keys[count != 0], count[count != 0]
        words.append(keys & (BUCKETS - 1))
        counts.append(count)
        sizes.append(np.bincount(keys >> _BITS, minlength=len(part)))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    return Differences(words=np.concatenate(words), counts=np.concatenate(counts), starts=starts)


def gaps(weights: NDArray[np.floating], of: Differences) -> Floats:
    """Return for each pair by how much the true sentence's score is higher: log odds that it is true."""
    pair_of = np.repeat(np.arange(len(of)), np.diff(of.starts))
    return np.bincount(pair_of, weights[of.words] * of.counts, minlength=len(of)).astype(np.float64)


def fit_weights(of: Differences, seed: int) -> NDArray[np.float32]:
    """Return the words' weights after some epochs of stochastic gradient descent; the same every time."""
    weights, squares = np.zeros(BUCKETS), np.full(BUCKETS, 1e-8)
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = rng.permutation(len(of))
        for start in range(0, len(order), BATCH):
            batch = of.chosen(order[start : start + BATCH])
            pair_of = np.repeat(np.arange(len(batch)), np.diff(batch.starts))
            error = 1 / (1 + np.exp(np.minimum(gaps(weights, batch), 500)))
            words, place = np.unique(batch.words, return_inverse=True)
            gradient = np.bincount(place, error[pair_of] * batch.counts, minlength=len(words)) / len(batch)
            gradient -= DECAY * weights[words]
            squares[words] += gradient**2
            weights[words] += RATE * gradient / np.sqrt(squares[words])
    return weights.astype(np.float32)


def _bag(texts: Sequence[Sequence[str]]) -> Places:
    """Return for each word the number of its text and its hash, as one number."""
    hashes = hash_words(word for of_text in texts for word in of_text) >> np.uint64(64 - _BITS)
    text_of = np.repeat(np.arange(len(texts)), [len(of_text) for of_text in texts])
    return (text_of << _BITS) | hashes.astype(np.int64)
