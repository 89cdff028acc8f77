"""The samples that are left after every stage, with what was written of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts, Verdict
from transforms.annotation_table import annotations_in
from transforms.chunks import chunk_facts, chunk_path
from transforms.shard_job import ShardJob
from transforms.steps import plan_steps
from transforms.storage import read_table
from transforms.survivors import survivors


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """A sample that every recipe answered, with the answers."""

    facts: Facts
    annotations: tuple[Annotation, ...] = ()


def published(job: ShardJob, config: RunConfig, start: int, stop: int) -> Iterator[Annotated]:
    """Yield the `start`-th to `stop`-th published sample of a shard."""
    return islice(_published(job, config), start, stop)


def _published(job: ShardJob, config: RunConfig) -> Iterator[Annotated]:
    if not config.annotate:
        yield from (Annotated(facts=facts) for facts in survivors(job))
        return
    for chunk in chunk_facts(job, config.chunk_samples):
        answers = [annotations_in(read_table(path)) for path in chunk_paths(job, config, chunk)]
        for facts, *of_sample in zip(chunk, *answers, strict=True):
            if all(answer.reason is None for answer in of_sample):
                yield Annotated(facts=facts, annotations=tuple(of_sample))


def failures(job: ShardJob, config: RunConfig) -> Iterator[Verdict]:
    """Yield a verdict on each sample that a recipe got no usable answer for: the first such recipe's."""
    if not config.annotate:
        return
    for chunk in chunk_facts(job, config.chunk_samples, ["index", "uid", "key"]):
        failed: dict[int, tuple[str, str]] = {}
        for path in chunk_paths(job, config, chunk):
            for row in read_table(path, ["index", "reason", "value"]).to_pylist():
                if row["reason"] is not None:
                    failed.setdefault(row["index"], (row["reason"], row["value"] or ""))
        for facts in chunk:
            if facts.index in failed:
                reason, value = failed[facts.index]
                yield Verdict(
                    index=facts.index,
                    uid=facts.uid,
                    key=facts.key,
                    stage="annotate",
                    kind="failed",
                    reason=reason,
                    value=value,
                )


def chunk_paths(job: ShardJob, config: RunConfig, chunk: Sequence[Facts]) -> list[str]:
    """Return where each configured recipe's annotations of a chunk lie."""
    return [chunk_path(job, step, chunk) for step in plan_steps(config).values()]
