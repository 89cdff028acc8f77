"""Sentences that hold of some pictures and not of others: is a picture nearer when its sentence is true?

The task of NLVR (Suhr et al. 2017, ACL), scored without a threshold. A sentence may be true more often
than not, which a text-only scorer can learn; comparing pictures within one sentence leaves nothing to it.

Shapes: N items.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.auroc import auroc, placements
from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure
from clip_evaluation.similarity import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """`pooled`: AUROC over all items. `within`: the mean over sentences of the AUROC among its pictures.

    `one_sided` sentences are only true or only false in the data and enter `pooled` alone. `majority` is the
    share of the more frequent label: the accuracy of always saying it.
    """

    pooled: Figure
    within: Figure
    sentences: int
    one_sided: int
    majority: float


def statements(scores_N: Floats, true_N: NDArray[np.bool_], sentence_N: NDArray[np.int64]) -> Statements:
    """Measure whether scores tell true items from false ones; intervals treat a sentence as one unit.

    Raises:
        ValueError: lengths differ, a label is missing altogether, or no sentence has both.
    """
    if not (scores_N.shape == true_N.shape == sentence_N.shape):
        raise ValueError(f"lengths differ: {scores_N.shape}, {true_N.shape} and {sentence_N.shape}")
    pooled = auroc(
        scores_N[true_N],
        scores_N[~true_N],
        positive_clusters=sentence_N[true_N],
        negative_clusters=sentence_N[~true_N],
    )
    within = []
    numbers = np.unique(sentence_N)
    for number in numbers:
        mine = sentence_N == number
        true, false = scores_N[mine & true_N], scores_N[mine & ~true_N]
        if len(true) and len(false):
            within.append(placements(true, false).mean())
    if not within:
        raise ValueError("no sentence is true of one picture and false of another; nothing can be compared")
    share = float(true_N.mean())
    return Statements(
        pooled=pooled,
        within=mean_figure(np.asarray(within), chance=0.5, clusters=np.arange(len(within))),
        sentences=len(numbers),
        one_sided=len(numbers) - len(within),
        majority=max(share, 1 - share),
    )
