"""The samples that every recipe answered, as the annotate stage left them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts
from transforms.annotation_table import annotations_in
from transforms.chunks import chunk_facts, chunk_path
from transforms.shard_job import ShardJob
from transforms.steps import plan_steps
from transforms.storage import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """A sample that every recipe answered, with the answers."""

    facts: Facts
    annotations: tuple[Annotation, ...] = ()


def annotated_chunks(job: ShardJob, config: RunConfig) -> Iterator[tuple[list[Facts], list[Annotated]]]:
    """Yield a shard's chunks: all facts of each, and those of its samples that every recipe answered."""
    for chunk in chunk_facts(job, config.chunk_samples):
        yield chunk, annotated(job, config, chunk)


def annotated(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> list[Annotated]:
    """Return those of a chunk's samples that every recipe answered."""
    answers = [annotations_in(read_table(path)) for path in chunk_paths(job, config, chunk)]
    return [
        Annotated(facts=facts, annotations=tuple(of_sample))
        for facts, *of_sample in zip(chunk, *answers, strict=True)
        if all(answer.reason is None for answer in of_sample)
    ]


def chunk_paths(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> list[str]:
    """Return where each configured recipe's annotations of a chunk lie."""
    return [chunk_path(job, step, chunk) for step in plan_steps(config).values()]
