"""Winoground: two pictures and two captions of the same words; each must choose its own.

Shapes: N items; scores_N22[n, c, i] is that of caption c with picture i.
"""

from dataclasses import dataclass

import numpy as np

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure
from clip_evaluation.similarity import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Winoground:
    """Shares of items where both pictures choose their caption, both captions their picture, and all do."""

    text: Figure
    image: Figure
    group: Figure


def winoground(scores_N22: Floats) -> Winoground:
    """Score items by strict inequalities (Thrush et al. 2022, arXiv 2204.03162, equations 1 to 3).

    Chance is 1/4 for text and for image and 1/6 for the group: of the 24 orders of four scores, 4 put both
    right ones above both wrong ones.

    Raises:
        ValueError: the shape is another, or a score is NaN.
    """
    if scores_N22.ndim != 3 or scores_N22.shape[1:] != (2, 2) or not len(scores_N22):
        raise ValueError(f"scores must have shape (items, 2 captions, 2 pictures), not {scores_N22.shape}")
    if np.isnan(scores_N22).any():
        raise ValueError("a score is NaN; the model is broken")
    right0, right1 = scores_N22[:, 0, 0], scores_N22[:, 1, 1]
    caption0_image1, caption1_image0 = scores_N22[:, 0, 1], scores_N22[:, 1, 0]
    text = (right0 > caption1_image0) & (right1 > caption0_image1)
    image = (right0 > caption0_image1) & (right1 > caption1_image0)
    return Winoground(
        text=mean_figure(text, chance=1 / 4),
        image=mean_figure(image, chance=1 / 4),
        group=mean_figure(text & image, chance=1 / 6),
    )
