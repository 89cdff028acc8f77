"""Write the planned output shards, each from a few neighbouring input shards."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from schemas.config import RunConfig
from transforms.process_pool import PooledDoFn
from transforms.progress import advance
from transforms.publish.embeddings import EMBEDDINGS_BYTES, write_embeddings
from transforms.publish.plan import OutputShard
from transforms.publish.write_shard import LIST_FIELDS, TEXT_FIELDS, Piece, write_output_shard
from transforms.published import published
from transforms.reading.images import read_images
from transforms.scoring.scored import Judged, scores_json
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, file_size, read_table

COVERED = {name: f"n_{name}" for name in LIST_FIELDS} | {name: f"has_{name}" for name in TEXT_FIELDS}
"""Fields whose coverage is counted, and the index's column that counts their items or tells of them."""


TAR_BYTES = "tar_bytes"
"""Metadata of an index part: the size of its shard, so that one that was cut or removed is written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputJob:
    """One output shard to write, the input shards it reads, and where its rows of the index go."""

    plan: OutputShard
    sources: tuple[ShardJob, ...]
    shards_folder: str
    index_part: str
    embeddings: str | None = None  # where they go, of a run that keeps them

    @property
    def path(self) -> str:
        """Where the shard goes."""
        return str(FileSystems.join(self.shards_folder, self.plan.name))


def pieces(output: OutputJob, config: RunConfig) -> Iterator[Piece]:
    """Yield the samples of one output shard with their image bytes, in order."""
    jobs = {job.shard.order: job for job in output.sources}
    for part in output.plan.slices:
        job = jobs[part.order]
        samples = list(published(job, config, part.start, part.stop))
        places = [(sample.facts.offset, sample.facts.size_bytes) for sample in samples]
        for sample, image in zip(samples, read_images(job.shard, places, config.input), strict=True):
            advance("samples")
            yield Piece(
                facts=sample.facts,
                shard_name=job.shard.name,
                annotations=sample.annotations,
                image=image,
                scores=scores_json(sample) if isinstance(sample, Judged) else {},
                realigned=sample.realigned if isinstance(sample, Judged) else None,
            )


def judged_samples(output: OutputJob, config: RunConfig) -> Iterator[Judged]:
    """Yield the samples of one output shard, of a run that scores them, in order."""
    jobs = {job.shard.order: job for job in output.sources}
    for part in output.plan.slices:
        for sample in published(jobs[part.order], config, part.start, part.stop):
            assert isinstance(sample, Judged)
            yield sample


def coverage(index: pa.Table) -> Mapping[str, int]:
    """Return how many samples there are, and how many have each field that recipes write."""
    counted = Counter({"published": index.num_rows})
    for name, column in COVERED.items():
        counted[name] = int((index.column(column).to_numpy() > 0).sum())
    return counted


def publish_shard(job: OutputJob, config: RunConfig) -> tuple[int, Mapping[str, int]]:
    """Commit an output shard and its rows of the index, where they are not yet; return its coverage."""
    index = written_index(job)
    if index is not None:
        advance("samples", index.num_rows)
    else:
        index = write_output_shard(job.plan, pieces(job, config), job.path)
        told = {**(index.schema.metadata or {}), TAR_BYTES.encode(): b"%d" % file_size(job.path)}
        if job.embeddings is not None:
            told |= write_embeddings(judged_samples(job, config), job.embeddings)
        commit_table(job.index_part, index.replace_schema_metadata(told))
    return job.plan.number, coverage(index)


def written_index(job: OutputJob) -> pa.Table | None:
    """Return the index rows of an output shard that is there in full; None where it must be written."""
    written = {TAR_BYTES: job.path}
    if job.embeddings is not None:
        written[EMBEDDINGS_BYTES] = job.embeddings
    if not all(map(exists, (job.index_part, *written.values()))):
        return None
    index = read_table(job.index_part)
    told = index.schema.metadata or {}
    is_whole = (told.get(name.encode()) == b"%d" % file_size(path) for name, path in written.items())
    return index if all(is_whole) else None


@dataclass(kw_only=True, eq=False)
class PublishShards(beam.PTransform):  # type: ignore[misc]
    """Commit output shards, then their rows of the index.

    In: PCollection of OutputJob. Out: PCollection of (number, coverage), one an output shard.
    """

    config: RunConfig

    def expand(self, jobs: beam.PCollection[OutputJob]) -> beam.PCollection[tuple[int, Mapping[str, int]]]:
        """Lift `publish_shard`."""
        return jobs | beam.ParDo(PooledDoFn(partial(publish_shard, config=self.config)))
