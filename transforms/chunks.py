"""Chunks: neighbouring samples of one shard that are annotated and committed together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts
from transforms.annotation_table import annotations_in
from transforms.fingerprint import fingerprint
from transforms.shard_job import ShardJob
from transforms.steps import Step
from transforms.storage import read_table
from transforms.survivors import survivors
from transforms.written_facts import failure_among, with_written


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Neighbouring samples of one shard that are committed together, and where.

    `facts` are of those among its `samples` to ask about; `done` holds what became of a sample, by its
    index, and `again` the indices of those whose first reply was refused. So a second reply to the same
    request adds nothing. `refused` holds the indices of those about which the server takes no request.
    """

    path: str
    samples: int
    facts: list[Facts]
    done: dict[int, Annotation] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether it can be committed."""
        return len(self.done) == self.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A chunk of at most so many `samples`, and where it lies once it is committed; `open` reads it."""

    path: str
    samples: int
    open: Callable[[], Chunk]


PlanChunks = Callable[[ShardJob, RunConfig, Step], Iterator[Planned]]
"""What a step is asked about of a shard."""


def step_chunks(job: ShardJob, config: RunConfig, step: Step) -> Iterator[Planned]:
    """Yield the chunks of a step that is asked about every surviving sample of a shard."""
    for facts in chunk_facts(job, config.chunk_samples):
        path = chunk_path(job, step, facts)
        yield Planned(path=path, samples=len(facts), open=partial(open_chunk, job, step, facts))


def chunk_facts(job: ShardJob, chunk_samples: int, columns: list[str] | None = None) -> Iterator[list[Facts]]:
    """Yield a shard's surviving samples by fixed ranges of their indices."""
    for _, rows in groupby(survivors(job, columns), key=lambda facts: facts.index // chunk_samples):
        yield list(rows)


def chunk_path(job: ShardJob, step: Step, facts: Sequence[Facts]) -> str:
    """Return where a step's annotations of a chunk lie: the name holds all that decides the answers."""
    mark = fingerprint("annotate", step.asked, job.facts_mark, [f.index for f in facts])
    return job.annotations(step.recipe.name, facts[0].index, mark)


def open_chunk(job: ShardJob, step: Step, facts: Sequence[Facts]) -> Chunk:
    """Return a chunk to be annotated, with what the step's sources wrote.

    Where a source has failed, so has the step, for the same reason.
    """
    path = chunk_path(job, step, facts)
    if not step.sources:
        return Chunk(path=path, samples=len(facts), facts=list(facts))
    tables = [annotations_in(read_table(chunk_path(job, source, facts))) for source in step.sources]
    chunk = Chunk(path=path, samples=len(facts), facts=[])
    for one, *answers in zip(facts, *tables, strict=True):
        if failure := failure_among(answers):
            chunk.done[one.index] = failure
        else:
            chunk.facts.append(with_written(one, step.starts_from, answers))
    return chunk
