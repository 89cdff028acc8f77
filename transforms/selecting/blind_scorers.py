"""What tells a true sentence from a wrong one without a look at the picture.

Three scorers, as SugarCrepe's authors found them to be enough (Hsieh et al. 2023, arXiv 2306.14610): length,
how plausible a sentence reads, and a classifier of its words. Those that learn are fitted K times, each time
without one fold of the samples, and score that fold: no pair is scored by a model that saw it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.selecting.bag_of_words import differences, fit_weights
from transforms.selecting.bag_of_words import gaps as word_gaps
from transforms.selecting.ngrams import Counts, count_ngrams, plausibility
from transforms.selecting.text_pairs import TextPair, fold_of, words_in

Floats = NDArray[np.float64]

SCORERS = ("length", "plausibility", "words")
FOLDS = 5
_RIDGE = 1e-3
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindScorers:
    """Fitted scorers.

    Args:
        seed: of the folds.
        ngrams: (folds, cells) counts of n-grams in the other folds' texts.
        weights: (folds, hashed words) of the classifier that the other folds taught.
    """

    seed: int
    ngrams: Counts
    weights: NDArray[np.float32]


def fit_scorers(pairs: Sequence[TextPair], seed: int) -> BlindScorers:
    """Fit the scorers to pairs: n-grams to true sentences and alt texts, the classifier to both sides."""
    folds, everything = _by_fold(pairs, seed), differences(pairs)
    of_folds = [[text for n in fold for text in (pairs[n].positive, pairs[n].alt_text)] for fold in folds]
    counts = np.stack([count_ngrams(texts) for texts in of_folds])
    others = [np.setdiff1d(np.arange(len(pairs)), fold, assume_unique=True) for fold in folds]
    return BlindScorers(
        seed=seed,
        ngrams=counts.sum(axis=0, dtype=np.int32) - counts,
        weights=np.stack([fit_weights(everything.chosen(seen), seed) for seen in others]),
    )


def score_gaps(scorers: BlindScorers, pairs: Sequence[TextPair]) -> Floats:
    """Return by how much each of `SCORERS` prefers the true sentence: (N, scorers)."""
    found = np.zeros((len(pairs), len(SCORERS)))
    found[:, 0] = [len(words_in(pair.positive)) - len(words_in(pair.negative)) for pair in pairs]
    for fold, rows in enumerate(_by_fold(pairs, scorers.seed)):
        if len(rows):
            of_fold = [pairs[n] for n in rows]
            table = scorers.ngrams[fold]
            found[rows, 1] = plausibility(table, (pair.positive for pair in of_fold))
            found[rows, 1] -= plausibility(table, (pair.negative for pair in of_fold))
            found[rows, 2] = word_gaps(scorers.weights[fold], differences(of_fold))
    return found


def blind_accuracy(pairs: Sequence[TextPair], seed: int) -> dict[str, float]:
    """Return how often each scorer, fitted afresh, prefers the true sentence; a tie is half a hit.

    0.5 is chance, and what lies under it tells as much as what lies over it. `ensemble` is a logistic
    regression on the gaps of all, cross-fitted as well: it knows which sign of a gap means what.

    Raises:
        ValueError: there are no pairs.
    """
    if not pairs:
        raise ValueError("there are no pairs to be told apart")
    gaps = score_gaps(fit_scorers(pairs, seed), pairs)
    of_scorers = {name: accuracy(gaps[:, n]) for n, name in enumerate(SCORERS)}
    return of_scorers | {"ensemble": accuracy(_ensemble(gaps, _by_fold(pairs, seed)))}


def accuracy(gaps: Floats) -> float:
    """Return the share of gaps over 0, ties halved.

    >>> accuracy(np.array([2.0, 0.0, -1.0, 0.5]))
    0.625
    """
    return float((gaps > 0).mean() + (gaps == 0).mean() / 2)


def _ensemble(gaps: Floats, folds: Sequence[NDArray[np.int64]]) -> Floats:
    """Return each pair's log odds by a regression on the gaps of the other folds."""
    found = np.zeros(len(gaps))
    for held in folds:
        seen = np.ones(len(gaps), bool)
        seen[held] = False
        found[held] = gaps[held] @ _fit_logistic(gaps[seen])
    return found


def _fit_logistic(gaps: Floats) -> Floats:
    """Return weights of gaps in a logistic model without intercept in which all pairs are true ones.

    Newton's method on the mean loss plus a ridge, which keeps weights finite where pairs are all told apart.
    """
    spread = np.sqrt((gaps**2).mean(axis=0)) if len(gaps) else np.zeros(gaps.shape[1])
    spread[spread == 0] = 1
    scaled, weights = gaps / spread, np.zeros(gaps.shape[1])
    for _ in range(_NEWTON_STEPS if len(gaps) else 0):
        error = 1 / (1 + np.exp(np.clip(scaled @ weights, -500, 500)))
        slope = error @ scaled / len(scaled) - _RIDGE * weights
        curve = (scaled * (error * (1 - error))[:, None]).T @ scaled / len(scaled)
        weights += np.linalg.solve(curve + _RIDGE * np.eye(len(weights)), slope)
    return weights / spread


def _by_fold(pairs: Sequence[TextPair], seed: int) -> list[NDArray[np.int64]]:
    """Return the places of the pairs of each fold."""
    fold = np.array([fold_of(pair, FOLDS, seed) for pair in pairs], np.int64)
    return [np.flatnonzero(fold == n) for n in range(FOLDS)]
