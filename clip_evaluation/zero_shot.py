"""Zero-shot classification: a picture's class is the one whose text is nearest.

Shapes: N pictures, C classes, T templates, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import macro_figure, mean_figure
from clip_evaluation.ranking import Standing, hit_probability, join, standing
from clip_evaluation.similarity import Floats, check_widths, similarity_blocks, unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """Accuracies, ties by chance (see `clip_evaluation.ranking`); chance is that of a uniform guess.

    `top5` is null of five classes or fewer, where it is 1.

    `mean_per_class` is the mean recall of the classes that have pictures, `per_class` each one's (null
    without pictures), `majority` the share of the most frequent class: what always naming it would score.
    """

    top1: Figure
    top5: Figure | None
    mean_per_class: Figure
    per_class: tuple[float | None, ...]
    majority: float
    classes: int


def fill_templates(templates: Sequence[str], name: str) -> list[str]:
    """Return the texts of a class; `{}` in a template stands for its name, which is taken as it is.

    Raises:
        ValueError: there is no template, or one does not hold `{}` exactly once.
    """
    if not templates:
        raise ValueError("zero-shot classification needs a template such as 'a photo of a {}.'")
    for template in templates:
        if template.count("{}") != 1:
            raise ValueError(
                f"template {template!r} must hold {{}} exactly once, where the class's name goes"
            )
    return [template.replace("{}", name) for template in templates]


def class_embeddings(text_CTD: Floats) -> NDArray[np.float32]:
    """Return a class's embedding from those of its templates: the mean of the units, made a unit again.

    The ensemble in embedding space of Radford et al. 2021 (arXiv 2103.00020), section 3.1.4.

    Raises:
        ValueError: it is no (C, T, D) array, an embedding is zero or not finite, or a class's cancel out.
    """
    if text_CTD.ndim != 3:
        raise ValueError(f"class texts must have shape (classes, templates, width), not {text_CTD.shape}")
    classes, templates, width = text_CTD.shape
    unit = unit_rows(text_CTD.reshape(classes * templates, width), "class text")
    mean_CD = unit.reshape(classes, templates, width).mean(axis=1, dtype=np.float64)
    return unit_rows(mean_CD, "class")


def zero_shot(image_ND: Floats, class_CD: Floats, labels_N: NDArray[np.int64]) -> ZeroShot:
    """Classify pictures by the nearest class embedding.

    Raises:
        ValueError: lengths or widths differ, or a label is no class.
    """
    images, texts = unit_rows(image_ND, "image"), unit_rows(class_CD, "class")
    check_widths(image=images, text=texts)
    check_labels(labels_N, len(images), len(texts))
    parts: list[Standing] = []
    for start, block in similarity_blocks(images, texts):
        right = block[np.arange(len(block)), labels_N[start : start + len(block)]]
        parts.append(standing(block, right, np.ones(len(block), dtype=np.int64)))
    return summarise(join(parts), labels_N, len(texts))


def check_labels(labels_N: NDArray[np.int64], rows: int, classes: int) -> None:
    """Check that there is a class for each row.

    Raises:
        ValueError: there is not.
    """
    if labels_N.shape != (rows,) or labels_N.dtype.kind not in "iu":
        raise ValueError(f"{rows} rows need as many whole labels, not {labels_N.dtype} {labels_N.shape}")
    if labels_N.min() < 0 or labels_N.max() >= classes:
        raise ValueError(f"labels reach from {labels_N.min()} to {labels_N.max()}, but classes are {classes}")


def summarise(where: Standing, labels_N: NDArray[np.int64], classes: int) -> ZeroShot:
    """Return the accuracies of a classifier from where each right class stands."""
    top1_N = hit_probability(where, 1)
    counts_C = np.bincount(labels_N, minlength=classes)
    hits_C = np.bincount(labels_N, weights=top1_N, minlength=classes)
    return ZeroShot(
        top1=mean_figure(top1_N, chance=1 / classes),
        top5=mean_figure(hit_probability(where, 5), chance=5 / classes) if classes > 5 else None,
        mean_per_class=macro_figure(top1_N, labels_N, chance=1 / classes),
        per_class=tuple(
            float(hit / count) if count else None for hit, count in zip(hits_C, counts_C, strict=True)
        ),
        majority=float(counts_C.max() / counts_C.sum()),
        classes=classes,
    )
