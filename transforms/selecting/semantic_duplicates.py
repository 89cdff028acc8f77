"""Find samples across all shards whose picture means nearly the same as another's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from schemas.selecting import SemanticConfig
from transforms.dedup.batch import column_values, from_ipc, to_ipc
from transforms.selecting.directions import Cosines, Directions, nearest
from transforms.selecting.kmeans import find_centroids
from transforms.selecting.semantic import cluster_count, find_duplicates, sampled, sampled_share
from transforms.selecting.semantic_batch import EMBEDDED_SCHEMA, MEMBER_SCHEMA, with_direction
from transforms.selecting.settle import Numbered, by_shard, drop_rows, settle_shards

REASON = "semantic_duplicate"
CENTROIDS_A_PART = 8192
"""16 MiB at 512 numbers: runners bound the size of an element, some at 80 MB."""


@dataclass(kw_only=True, eq=False)
class SemanticDuplicates(beam.PTransform):  # type: ignore[misc]
    """Say which samples to drop because their picture means nearly what another's does.

    in:  PCollection of (shard order, IPC of a table of `semantic_batch.EMBEDDED_SCHEMA`); a shard may come in
         several elements, and comes at least in one, be it empty.
    out: PCollection of (shard order, IPC of a table of `schemas.facts.Verdict`, sorted by index), one for
         every shard of the input, in no particular order.

    `samples` is how many there are: it decides the number of clusters, where the configuration does not, and
    the share that they are found in. Then every sample goes to the nearest centroids, and is compared within
    their clusters. A sample without an embedding, or with one of zeros or of numbers that are not finite,
    resembles nothing and is kept. What is decided does not depend on the order of elements or how they are
    cut, to the byte.

    Centroids go to every worker: 2 KiB each at 512 numbers. Embeddings cross a shuffle, in float16, once
    a visit, and a worker holds a whole cluster at a time: some 4 KiB a sample.
    """

    config: SemanticConfig
    samples: int

    def expand(self, batches: beam.PCollection[Numbered]) -> beam.PCollection[Numbered]:
        """Find centroids, then compare within clusters."""
        clusters = cluster_count(self.config, self.samples)
        share = sampled_share(clusters, self.samples)
        centroids = (
            batches
            | "Sample" >> beam.FlatMap(sample_batch, share, self.config.seed)
            | "GatherSample" >> beam.GroupByKey()
            | "FindCentroids" >> beam.FlatMap(train, self.config, clusters)
        )
        given = beam.pvalue.AsDict(centroids)
        decided = (
            batches
            | "Assign" >> beam.FlatMap(assign_batch, given, self.config.visits)
            | "Gather" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(compare_cluster, self.config)
        )
        return settle_shards(decided, batches)


def sample_batch(batch: Numbered, share: float, seed: int) -> Iterator[Numbered]:
    """Yield, all under one key, the samples of a batch that centroids are found in."""
    order, data = batch
    rows, _ = with_direction(sampled(from_ipc(data), share, seed))
    if len(rows):
        yield 0, to_ipc(_members(order, rows, np.zeros(len(rows))))


def train(
    gathered: tuple[int, Iterable[bytes]], config: SemanticConfig, clusters: int
) -> Iterator[tuple[int, Directions]]:
    """Yield the centroids (K, D) of all that was sampled in parts, each with the number of its first."""
    rows = pa.concat_tables(from_ipc(part) for part in gathered[1])
    rows = rows.sort_by([(name, "ascending") for name in ("uid", "order", "index")])
    centroids = find_centroids(with_direction(rows)[1], clusters, config.iterations, config.seed)
    for first in range(0, len(centroids), CENTROIDS_A_PART):
        yield first, centroids[first : first + CENTROIDS_A_PART]


def assign_batch(batch: Numbered, parts: Mapping[int, Directions], visits: int) -> Iterator[Numbered]:
    """Yield a batch's samples by cluster, each as often as it visits one.

    `parts` are those of `train`; there are none where no sample has a direction.

    Raises:
        ValueError: embeddings are of another length than those the centroids come from.
    """
    order, data = batch
    rows, directions = with_direction(from_ipc(data))
    if not len(rows) or not parts:
        return
    centroids = np.concatenate([parts[first] for first in sorted(parts)])
    if directions.shape[1] != centroids.shape[1]:
        lengths = f"{directions.shape[1]} and {centroids.shape[1]}"
        raise ValueError(f"embeddings have {lengths} numbers; give those of one model")
    labels, cosine = nearest(directions, centroids, min(visits, len(centroids)))
    members = _members(order, rows, cosine[:, 0])
    for cluster in np.unique(labels).tolist():
        yield cluster, to_ipc(members.take(np.flatnonzero((labels == cluster).any(axis=1))))


def compare_cluster(gathered: tuple[int, Iterable[bytes]], config: SemanticConfig) -> Iterator[Numbered]:
    """Yield the verdicts on the duplicates of one cluster by shard."""
    members = pa.concat_tables(from_ipc(part) for part in gathered[1])
    gone, told, found = find_duplicates(members, config)
    yield from by_shard(column_values(gone, "order"), drop_rows(gone, [REASON] * len(gone), told, found))


def _members(order: int, rows: pa.Table, cosine: Cosines) -> pa.Table:
    orders = pa.array(np.full(len(rows), order, np.int32))
    index, uid, key, embedding = rows.select(EMBEDDED_SCHEMA.names).columns
    return pa.table([orders, index, uid, key, pa.array(cosine), embedding], schema=MEMBER_SCHEMA)
