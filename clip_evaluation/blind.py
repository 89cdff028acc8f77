"""Text-only baselines of compositional sets: what can be told without the picture.

Hsieh et al. 2023 (arXiv 2306.14610) showed that false captions are often given away by their length or
by reading oddly; a set on which these baselines do well does not measure sight.

Shapes: N pairs, V words.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from clip_evaluation.folds import assign_folds
from clip_evaluation.language_model import tokenize, train
from clip_evaluation.logistic import fit_logistic

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of the true and of the false captions."""

MAX_WORDS = 2**15
"""The most frequent words that a bag of words counts."""

FOLDS = 5
"""Of the cross-validation of a bag of words."""

_L2 = 1e-3
_ORDER = 3  # of the n-grams


def blind_scores(
    positive: Sequence[str],
    negative: Sequence[str],
    clusters: NDArray[np.int64],
    *,
    corpus: Sequence[str] = (),
) -> dict[str, Scores]:
    """Return the scores of every baseline, by its name.

    `longer` and `shorter` count characters. `bag_of_words` is `bag_of_words_scores`. `plausible` is a trigram
    model's; it is there when `corpus` has texts that are not in the set.

    Raises:
        ValueError: lengths differ, or there are too few clusters for cross-validation.
    """
    if not len(positive) == len(negative) == len(clusters):
        raise ValueError(f"{len(positive)} captions, {len(negative)} negatives, {len(clusters)} clusters")
    longer = _lengths(positive), _lengths(negative)
    scores = {"longer": longer, "shorter": (-longer[0], -longer[1])}
    tested = {" ".join(tokenize(text)) for text in (*positive, *negative)}
    foreign = [text for text in corpus if " ".join(tokenize(text)) not in tested]
    if foreign:
        model = train(foreign, order=_ORDER)
        scores["plausible"] = (
            np.array([model.score(text) for text in positive]),
            np.array([model.score(text) for text in negative]),
        )
    scores["bag_of_words"] = bag_of_words_scores(positive, negative, clusters)
    return scores


def bag_of_words_scores(
    positive: Sequence[str],
    negative: Sequence[str],
    clusters: NDArray[np.int64],
) -> Scores:
    """Return scores of a logistic regression on words, each pair's by a model that did not see its cluster.

    It learns from the difference of a pair's word counts that the first is the true one, without an
    intercept: the pairwise logistic model of Bradley and Terry (1952).

    Raises:
        ValueError: there are fewer clusters than folds.
    """
    nothing = np.zeros(len(positive), dtype=np.int64)
    fold_N = assign_folds(nothing, folds=FOLDS, clusters_N=clusters)
    bags = [Counter(tokenize(text)) for text in (*positive, *negative)]
    scores = np.zeros(len(bags))
    for fold in range(FOLDS):
        held = np.flatnonzero(fold_N == fold)
        seen = np.flatnonzero(fold_N != fold)
        words = _vocabulary([bags[row] for row in (*seen, *(seen + len(positive)))])
        differences_NV = _differences([(bags[row], bags[row + len(positive)]) for row in seen], words)
        model = fit_logistic(differences_NV, nothing[seen], classes=2, l2=_L2, intercept=False)
        weight_V = model.weights_GC[:-1, 0] - model.weights_GC[:-1, 1]
        for row in (*held, *(held + len(positive))):
            # Words in order, so that equal bags give equal sums.
            scores[row] = sum(weight_V[words[w]] * c for w, c in sorted(bags[row].items()) if w in words)
    return scores[: len(positive)], scores[len(positive) :]


def _lengths(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.array([len(text) for text in texts], dtype=np.float64)


def _vocabulary(bags: Sequence[Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for bag in bags:
        total.update(bag)
    frequent = sorted(total, key=lambda word: (-total[word], word))[:MAX_WORDS]
    return {word: place for place, word in enumerate(frequent)}


def _differences(pairs: Sequence[tuple[Counter[str], Counter[str]]], words: dict[str, int]) -> torch.Tensor:
    """Return how much oftener each word stands in the first of a pair, as a sparse (N, V) tensor."""
    places: list[tuple[int, int]] = []
    values: list[float] = []
    for row, (first, second) in enumerate(pairs):
        for word in sorted(first.keys() | second.keys()):
            if word in words and first[word] != second[word]:
                places.append((row, words[word]))
                values.append(first[word] - second[word])
    indices = torch.tensor(places, dtype=torch.int64).reshape(-1, 2).T
    entries = torch.tensor(values, dtype=torch.float64)
    return torch.sparse_coo_tensor(
        indices, entries, (len(pairs), len(words)), check_invariants=True
    ).coalesce()
