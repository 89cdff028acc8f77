"""Retrieval: whether a picture finds its captions and a caption its picture, among all of them.

Ties stand in random order and figures are exact expectations over it (see `clip_evaluation.ranking`): a
model that embeds everything alike gets exactly the chance level.

Shapes: N pictures, M captions, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_evaluation.figure import Figure
from clip_evaluation.intervals import cluster_variance, effective_size, mean_figure, wilson
from clip_evaluation.ranking import (
    Standing,
    by_chance,
    chance_hit,
    hit_probability,
    join,
    rank_quantile,
    standing,
)
from clip_evaluation.similarity import Floats, check_widths, similarity_blocks, unit_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One way: `recall` by k (at least one right item among the first k), and the median rank from 1."""

    recall: dict[int, Figure]
    median_rank: Figure
    queries: int
    gallery: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Both ways."""

    image_to_text: Direction
    text_to_image: Direction


def retrieval(
    image_ND: Floats,
    text_MD: Floats,
    image_of_text_M: NDArray[np.int64],
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> Retrieval:
    """Rank all captions for each picture and all pictures for each caption.

    Args:
        image_ND: embeddings of the pictures.
        text_MD: of their captions, any number of each.
        image_of_text_M: the picture's row for each caption.
        ks: cut-offs, from 1.

    Raises:
        ValueError: shapes differ, a caption's picture does not exist, or a picture has no caption.
    """
    images, texts = unit_rows(image_ND, "image"), unit_rows(text_MD, "text")
    check_widths(image=images, text=texts)
    _check(image_of_text_M, len(images), len(texts), ks)
    captions_N = np.bincount(image_of_text_M, minlength=len(images))
    one_M = np.ones(len(texts), dtype=np.int64)
    found_texts = _image_to_text(images, texts, image_of_text_M, captions_N)
    found_images = _text_to_image(images, texts, image_of_text_M)
    return Retrieval(
        image_to_text=_direction(found_texts, captions_N, len(texts), ks, None),
        text_to_image=_direction(found_images, one_M, len(images), ks, image_of_text_M),
    )


def _check(image_of_text_M: NDArray[np.int64], images: int, texts: int, ks: Sequence[int]) -> None:
    if image_of_text_M.shape != (texts,) or image_of_text_M.dtype.kind not in "iu":
        raise ValueError(f"{texts} captions need as many pictures' rows, not {image_of_text_M.shape}")
    if image_of_text_M.min() < 0 or image_of_text_M.max() >= images:
        raise ValueError(f"a caption names picture {image_of_text_M.max()}, but there are {images}")
    bare = np.flatnonzero(np.bincount(image_of_text_M, minlength=images) == 0)
    if bare.size:
        raise ValueError(
            f"picture {bare[0]} has no caption ({bare.size} of {images}); leave such pictures out"
        )
    if not ks or min(ks) < 1:
        raise ValueError(f"recall needs cut-offs from 1, not {tuple(ks)}")


def _image_to_text(
    images: NDArray[np.float32],
    texts: NDArray[np.float32],
    image_of_text_M: NDArray[np.int64],
    captions_N: NDArray[np.int64],
) -> Standing:
    order_M = np.argsort(image_of_text_M, kind="stable")
    first_N = np.concatenate([[0], np.cumsum(captions_N)])
    parts = []
    for start, block in similarity_blocks(images, texts):
        end = start + len(block)
        columns = order_M[first_N[start] : first_N[end]]
        right = block[image_of_text_M[columns] - start, columns]
        cuts = first_N[start:end] - first_N[start]
        best = np.maximum.reduceat(right, cuts)
        level = np.add.reduceat(right == np.repeat(best, captions_N[start:end]), cuts, dtype=np.int64)
        parts.append(standing(block, best, level))
    return join(parts)


def _text_to_image(
    images: NDArray[np.float32],
    texts: NDArray[np.float32],
    image_of_text_M: NDArray[np.int64],
) -> Standing:
    parts = []
    for start, block in similarity_blocks(texts, images):
        right = block[np.arange(len(block)), image_of_text_M[start : start + len(block)]]
        parts.append(standing(block, right, np.ones(len(block), dtype=np.int64)))
    return join(parts)


def _direction(
    where: Standing,
    right: NDArray[np.int64],
    gallery: int,
    ks: Sequence[int],
    clusters: NDArray[np.int64] | None,
) -> Direction:
    recall = {
        k: mean_figure(hit_probability(where, k), chance=chance_hit(right, gallery, k), clusters=clusters)
        for k in sorted(set(ks))
    }
    median = median_rank(where, rank_quantile(by_chance(right, gallery), 0.5), clusters)
    return Direction(recall=recall, median_rank=median, queries=len(where.above_N), gallery=gallery)


def median_rank(where: Standing, chance: float, clusters: NDArray[np.int64] | None) -> Figure:
    """Return the median rank with Woodruff's interval (1952, JASA 47).

    The interval of the share of queries that lie below the median, turned into ranks.
    """
    number = len(where.above_N)
    value = rank_quantile(where, 0.5)
    below_N = hit_probability(where, int(value))
    units_N = np.arange(number) if clusters is None else clusters
    share = float(below_N.mean())
    variance = cluster_variance((below_N - share) / number, units_N)
    low, high = wilson(0.5, effective_size(share, variance, len(np.unique(units_N))))
    return Figure(
        value=value,
        n=number,
        chance=chance,
        low=min(value, rank_quantile(where, low)),
        high=max(value, rank_quantile(where, high)),
        lower_is_better=True,
    )
