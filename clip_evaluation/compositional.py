"""Compositional sets: does the true caption score strictly more than one that was made false?

The format of SugarCrepe (Hsieh et al. 2023, arXiv 2306.14610). A tie is no success: a text tower that
overlooks what was changed scores both captions alike, and resolving ties by position would give it 0 or
100 %.

Shapes: N items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import macro_figure, mean_figure
from clip_evaluation.similarity import Floats, check_widths, row_similarities, unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScores:
    """Accuracy by strict inequality, the share of ties, and accuracy where a tie counts one half."""

    accuracy: Figure
    ties: Figure
    accuracy_half_ties: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """One scorer over all items, per type, and per group of types.

    `groups` are the plain means of their types' accuracies, `macro` that of all types.
    """

    overall: PairScores
    macro: Figure
    groups: dict[str, Figure]
    types: dict[str, PairScores]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compositional:
    """The model, and scorers that do not see the picture: what they reach is no understanding of pictures."""

    model: Pairs
    blind: dict[str, Pairs] = field(default_factory=dict)


def pair_similarities(
    image_ND: Floats, positive_ND: Floats, negative_ND: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the cosines of each picture with its true and its false caption.

    Raises:
        ValueError: shapes differ, or an embedding is zero or not finite.
    """
    images = unit_rows(image_ND, "image")
    positive, negative = unit_rows(positive_ND, "positive text"), unit_rows(negative_ND, "negative text")
    check_widths(image=images, positive=positive, negative=negative)
    return row_similarities(images, positive), row_similarities(images, negative)


def mean_picture(image_ND: Floats) -> NDArray[np.float32]:
    """Return the mean picture in every row: the same model made blind, to score pairs with.

    Raises:
        ValueError: an embedding is zero or not finite, or the mean is zero.
    """
    mean = unit_rows(image_ND, "image").mean(axis=0, dtype=np.float64)
    return np.repeat(unit_rows(mean[None], "mean image"), len(image_ND), axis=0)


def score_pairs(
    positive_N: Floats,
    negative_N: Floats,
    types: Sequence[str],
    *,
    groups: Mapping[str, str] = MappingProxyType({}),
    clusters: NDArray[np.int64] | None = None,
) -> Pairs:
    """Compare the scores of true and false captions.

    Args:
        positive_N: of the true captions; higher is better.
        negative_N: of the false ones.
        types: what was changed, for each item.
        groups: the group of each type, where there are any.
        clusters: the picture of each item, where pictures have several.

    Raises:
        ValueError: lengths differ, there are no items, a score is NaN, or a type has no group.
    """
    _check(positive_N, negative_N, types, groups)
    wins, ties = positive_N > negative_N, positive_N == negative_N
    names, kind_N = np.unique(np.asarray(types), return_inverse=True)
    units = np.arange(len(types)) if clusters is None else clusters

    def macro(mask: NDArray[np.bool_]) -> Figure:
        return macro_figure(wins[mask], kind_N[mask], chance=0.5, clusters=units[mask])

    by_type = {}
    for number, name in enumerate(names):
        mask = kind_N == number
        own = None if clusters is None else clusters[mask]
        by_type[str(name)] = _scores(wins[mask], ties[mask], own)
    group_of = [groups[name] for name in by_type] if groups else []
    return Pairs(
        overall=_scores(wins, ties, clusters),
        macro=macro(np.ones_like(wins)),
        groups={name: macro(np.array(group_of)[kind_N] == name) for name in sorted(set(group_of))},
        types=by_type,
    )


def _check(positive_N: Floats, negative_N: Floats, types: Sequence[str], groups: Mapping[str, str]) -> None:
    shapes = {positive_N.shape, negative_N.shape, (len(types),)}
    if len(shapes) > 1 or not len(types):
        raise ValueError(f"scores and types must be vectors of one length, but have shapes {sorted(shapes)}")
    for name, scores in (("positive", positive_N), ("negative", negative_N)):
        if np.isnan(scores).any():
            raise ValueError(f"{name} score {int(np.argmax(np.isnan(scores)))} is NaN; the model is broken")
    alone = sorted(set(types) - set(groups)) if groups else []
    if alone:
        raise ValueError(f"type {alone[0]!r} has no group; groups are of {', '.join(sorted(groups))}")


def _scores(
    wins: NDArray[np.bool_], ties: NDArray[np.bool_], clusters: NDArray[np.int64] | None
) -> PairScores:
    return PairScores(
        accuracy=mean_figure(wins, chance=0.5, clusters=clusters),
        ties=mean_figure(ties, chance=None, clusters=clusters, lower_is_better=True),
        accuracy_half_ties=mean_figure(wins + 0.5 * ties, chance=0.5, clusters=clusters),
    )
