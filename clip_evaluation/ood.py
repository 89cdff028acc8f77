"""Out-of-distribution detection: do pictures of no class in the list score less than those of one?

Shapes: N pictures, C classes, D dimensions.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.auroc import auroc
from clip_evaluation.figure import Figure
from clip_evaluation.intervals import mean_figure
from clip_evaluation.similarity import Floats, check_widths, similarity_blocks, unit_rows

_RATE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One score: AUROC, and the share of outsiders let through when 95 % of insiders are."""

    auroc: Figure
    fpr95: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfDistribution:
    """Every score's detection."""

    mcm: Detection
    max_logit: Detection
    energy: Detection


def out_of_distribution(
    inside_ND: Floats, outside_ND: Floats, class_CD: Floats, *, scale: float
) -> OutOfDistribution:
    """Measure how well three scores tell pictures of the classes from others.

    Raises:
        ValueError: widths differ, or an embedding is zero or not finite.
    """
    inside, outside = (ood_scores(rows, class_CD, scale=scale) for rows in (inside_ND, outside_ND))
    found = {
        name: Detection(auroc=auroc(inside[name], outside[name]), fpr95=fpr95(inside[name], outside[name]))
        for name in inside
    }
    return OutOfDistribution(**found)


def ood_scores(image_ND: Floats, class_CD: Floats, *, scale: float) -> dict[str, NDArray[np.float64]]:
    """Return each picture's scores; higher means inside.

    With s the cosines to the classes: `mcm` is max softmax(s) at the paper's temperature of 1 (Ming et al.
    2022, arXiv 2211.13445); `max_logit` is max scale s (Hendrycks et al. 2022, arXiv 1911.11132), and
    `energy` is log sum exp(scale s) (Liu et al. 2020, arXiv 2010.03759), both on the model's own scale.

    Raises:
        ValueError: the scale is not positive, widths differ, or an embedding is zero or not finite.
    """
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is {scale}; it must be positive")
    images, texts = unit_rows(image_ND, "image"), unit_rows(class_CD, "class")
    check_widths(image=images, text=texts)
    names = ("mcm", "max_logit", "energy")
    scores = {name: np.empty(len(images)) for name in names}
    for start, block in similarity_blocks(images, texts):
        part = slice(start, start + len(block))
        cosines = block.astype(np.float64)
        largest = cosines.max(axis=1)
        below = cosines - largest[:, None]
        scores["mcm"][part] = 1 / np.exp(below).sum(axis=1)
        scores["max_logit"][part] = scale * largest
        scores["energy"][part] = scale * largest + np.log(np.exp(scale * below).sum(axis=1))
    return scores


def fpr95(inside: Floats, outside: Floats) -> Figure:
    """Return the share of outsiders at or above the highest threshold that 95 % of insiders reach.

    Outsiders level with the threshold are let through, as insiders are: ties count against the score. The
    interval is of the outsiders, at this threshold.

    Raises:
        ValueError: a side is empty.
    """
    if not len(inside) or not len(outside):
        raise ValueError(f"{len(inside)} insiders and {len(outside)} outsiders; both are needed")
    needed = math.ceil(_RATE * len(inside) - 1e-9)
    threshold = np.sort(inside)[len(inside) - max(1, needed)]
    return mean_figure(outside >= threshold, chance=_RATE, lower_is_better=True)
