"""Words of a text that its picture speaks against: what is made of their scores.

CLIP4DM (arXiv 2412.18404, AAAI 2025): a word's score is how much its tokens, as attended to, raise the cosine
of text and picture; below a threshold the word is misaligned. `lvlm_workers.clip_relevance` finds the scores.
Letters in the names of arrays: P scores of true words, N of changed ones.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import RunError

EPSILON = -5e-5
"""CLIP4DM's threshold, for OpenAI's ViT-B/32; scores of other models have other sizes: see `calibrate`."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScore:
    """A word, as text[start:end] has it; misaligned ones score lowest."""

    word: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WordScores:
    """A text's words in their order.

    Attributes:
        cosine: of text, template and picture; None where there is no word to read.
        unread: number of words at the end that lie beyond the model's length: split long texts.
    """

    words: tuple[WordScore, ...]
    cosine: float | None
    unread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold, with the shares of changed words under it and of true words not under it."""

    epsilon: float
    sensitivity: float
    specificity: float

    @property
    def youden_j(self) -> float:
        """Youden's J: 0 says nothing, 1 errs never; balanced accuracy is (1 + J) / 2."""
        return self.sensitivity + self.specificity - 1


def find_words(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text are; punctuation is none, an apostrophe or hyphen inside one is.

    >>> find_words("A cat's well-known 2 dots...")
    [(0, 1), (2, 7), (8, 18), (19, 20), (21, 25)]
    """
    return [found.span() for found in _WORD.finditer(text)]


def misaligned(scores: WordScores, epsilon: float = EPSILON) -> tuple[WordScore, ...]:
    """Return the words that score under `epsilon`, in their order."""
    return tuple(word for word in scores.words if word.score < epsilon)


def f_clipscore_grad(scores: WordScores, epsilon: float = EPSILON) -> float | None:
    """Return CLIP4DM's F-CLIPScore: the sum of the misaligned words' scores, times (1 - cosine).

    0 says that no word is misaligned, less that some are, as long as `epsilon` is not above 0. None: there
    is no word. Not the F-CLIPScore of nouns (arXiv 2502.20034), which is another measure of that name.
    """
    if scores.cosine is None:
        return None
    return sum(word.score for word in misaligned(scores, epsilon)) * (1 - scores.cosine)


def calibrate(positive_scores: ArrayLike, negative_scores: ArrayLike) -> Threshold:
    """Return the threshold under which most changed words lie, and fewest true ones.

    It has the largest Youden's J of all, hence the best balanced accuracy; the lowest one of equals, in the
    middle between the scores that it divides. It may be above 0.

    Args:
        positive_scores: of words that are true (P,).
        negative_scores: of the words that make a text false (N,), such as those in which a negative differs
            from its positive.

    Raises:
        RunError: there are none of a kind, or one is no finite number.
    """
    true_P, changed_N = (_sorted(scores) for scores in (positive_scores, negative_scores))
    for name, scores in (("true", true_P), ("changed", changed_N)):
        if not scores.size or not np.isfinite(scores).all():
            raise RunError(
                f"a threshold is found from finite scores of both kinds, but of {name} words there are "
                f"{np.count_nonzero(np.isfinite(scores))} among {scores.size}; give more pairs"
            )
    values = np.unique(np.concatenate([true_P, changed_N]))
    best, most, below = float(values[0]), 0, (0, 0)  # under the smallest value there is nothing
    for low, high in pairwise(values.tolist()):
        hits = int(np.searchsorted(changed_N, low, side="right"))
        misses = int(np.searchsorted(true_P, low, side="right"))
        gain = hits * true_P.size - misses * changed_N.size  # Youden's J times P N, exactly
        if gain > most:
            best, most, below = _middle(low, high), gain, (hits, misses)
    return Threshold(
        epsilon=best,
        sensitivity=below[0] / changed_N.size,
        specificity=1 - below[1] / true_P.size,
    )


def _sorted(scores: ArrayLike) -> NDArray[np.float64]:
    return np.sort(np.asarray(scores, dtype=np.float64).ravel())


def _middle(low: float, high: float) -> float:
    """Return a number in (low, high], half way where floats are fine enough."""
    middle = low / 2 + high / 2
    return middle if low < middle <= high else high
