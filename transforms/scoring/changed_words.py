"""The words in which a negative differs from its positive: what a threshold of words is found from."""

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from lvlm_workers.clip_words import Threshold, WordScores, calibrate
from transforms.scoring.score_table import Scores
from transforms.scoring.thresholds import Counts, score_of

MOST_CHANGED = 3
"""Words; a negative that differs in more says something else, and any of its words may be the false one."""

TRUE, CHANGED = "true words", "changed words"
_MOST = 1_000_000
"""Words of a kind that a threshold is found from: of more, an even share."""


def changed_words(positive: WordScores, negative: WordScores) -> list[float]:
    """Return the scores of the words that a negative has in place of others; none where too many differ."""
    ours, theirs = ([word.word.lower() for word in text.words] for text in (positive, negative))
    same = {
        place
        for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
        for place in range(block.b, block.b + block.size)
    }
    changed = [word.score for place, word in enumerate(negative.words) if place not in same]
    return changed if len(changed) <= MOST_CHANGED else []


def pool_words(samples: Sequence[Scores]) -> dict[str, NDArray[np.float32]]:
    """Return the scores of the true and of the changed words of some samples' sentences."""
    true: list[float] = []
    changed: list[float] = []
    for scores in samples:
        positives, negatives = (scores.words.get(name, ()) for name in ("long_positive", "long_negative"))
        for positive, negative in zip(positives, negatives, strict=True):
            true += [word.score for word in positive.words]
            changed += changed_words(positive, negative)
    return {TRUE: np.array(true, np.float32), CHANGED: np.array(changed, np.float32)}


def calibrate_counts(true: Counts, changed: Counts) -> Threshold:
    """Return the threshold that `calibrate` finds from counts by the upper half of a score's bits.

    A score is known to 1 part in 256 then.

    Raises:
        RunError: there are no words of a kind.
    """
    return calibrate(_spread(true), _spread(changed))


def _spread(counts: Counts) -> NDArray[np.float64]:
    share = -(-int(counts.sum()) // _MOST) or 1
    buckets = np.flatnonzero(counts)
    values = np.array([score_of(int(bucket) << 16 | 0x8000) for bucket in buckets])
    return np.repeat(values, np.maximum(counts[buckets] // share, 1))
