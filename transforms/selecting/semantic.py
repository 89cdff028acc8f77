"""Find samples whose picture means nearly the same as another's: SemDeDup (arXiv 2303.09540).

Pictures are clustered by their embeddings, and put in order by their cosine with their cluster's centre. One
goes if its cosine with any before it in its cluster is over the threshold, whether or not that one goes too.
A picture may visit the clusters of its next nearest centres as well; the order is the same in all of them, so
that of several that resemble each other one always stays.
"""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.selecting import MAX_CLUSTERS, SemanticConfig
from transforms.selecting.directions import ROWS, Cosines, Directions, Places, most_similar
from transforms.selecting.draws import draw
from transforms.selecting.semantic_batch import with_direction

MEMBERS_A_CLUSTER = 8_800
"""The paper's: 50,000 clusters of 440 million. The time that a sample takes grows with it."""

POINTS_A_CENTROID = 256
"""Most that k-means learns from, as in FAISS."""

LEAST_SAMPLED = 16_384
MOST_SAMPLED = 524_288
"""Bounds of the samples that k-means learns from. It takes some 2.5 GiB for the most, at 512 numbers each."""

CLUSTER_ROWS = 50_000
"""Rows before it in its cluster's order with which one is compared at least; a cluster may have more."""


def cluster_count(config: SemanticConfig, samples: int) -> int:
    """Return into how many clusters so many samples go."""
    if config.clusters is not None:
        return config.clusters
    return min(MAX_CLUSTERS, max(1, -(-samples * config.visits // MEMBERS_A_CLUSTER)))


def sampled_share(clusters: int, samples: int) -> float:
    """Return the share of the samples that k-means learns from."""
    wanted = min(MOST_SAMPLED, max(LEAST_SAMPLED, POINTS_A_CENTROID * clusters))
    return min(1.0, wanted / max(1, samples))


def sampled(rows: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the rows that k-means learns from, drawn by their uid."""
    drawn = [draw(seed, str(uid)) < share for uid in rows.column("uid").to_pylist()]
    return rows.filter(pa.array(drawn, pa.bool_()))


def in_order(members: pa.Table, config: SemanticConfig) -> pa.Table:
    """Sort the members of a cluster so that of two duplicates the one to keep comes first.

    Equal cosines go by uid; no two rows tie, so the result depends on the rows alone.
    """
    others: list[tuple[str, Literal["ascending"]]] = [(n, "ascending") for n in ("uid", "order", "index")]
    cosine: Literal["ascending", "descending"] = "ascending" if config.keep == "far" else "descending"
    return members.take(pc.sort_indices(members, sort_keys=[("cosine", cosine), *others]))


def most_similar_before(directions: Directions) -> tuple[Places, Cosines]:
    """Return for each row the place of the most similar one before it, and their cosine; -1 for the first.

    Of equal ones the first counts. Time grows with the square of the rows up to CLUSTER_ROWS, and linearly
    beyond: there each is compared with the CLUSTER_ROWS before it, which have the nearest cosines with their
    centres, so that a cluster of any size is split into windows that overlap. Memory is bounded beside the
    rows themselves.
    """
    places, found = np.empty(len(directions), np.int64), np.empty(len(directions))
    for start in range(0, len(directions), ROWS):
        first, end = max(0, start - CLUSTER_ROWS), start + ROWS
        at, cosine = most_similar(directions[start:end], directions[first:end], before=start - first)
        places[start:end], found[start:end] = np.where(at < 0, -1, first + at), cosine
    return places, found


def find_duplicates(members: pa.Table, config: SemanticConfig) -> tuple[pa.Table, list[str], Cosines]:
    """Return the members of one cluster that go, which one each resembles most, in words, and their cosine.

    Args:
        members: of `transforms.selecting.semantic_batch.MEMBER_SCHEMA`, in any order.
    """
    rows, directions = with_direction(in_order(members, config))
    places, found = most_similar_before(directions)
    gone: NDArray[np.int64] = np.flatnonzero(found > config.max_cosine)
    alike = rows.column("uid").take(places[gone]).to_pylist()
    told = [f"{uid} cosine {cosine:.4f}" for uid, cosine in zip(alike, found[gone].tolist(), strict=True)]
    return rows.take(gone), told, found[gone]
