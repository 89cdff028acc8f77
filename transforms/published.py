"""The samples that are left after every stage, with what was written of them and what it is worth."""

from collections.abc import Iterator
from itertools import islice

from schemas.config import RunConfig
from schemas.facts import Verdict
from transforms.annotated import Annotated, annotated_chunks, chunk_paths
from transforms.chunks import chunk_facts
from transforms.scoring.judged import judged
from transforms.scoring.scored import Judged
from transforms.shard_job import ShardJob
from transforms.storage import read_table
from transforms.survivors import survivors


def published(job: ShardJob, config: RunConfig, start: int, stop: int | None) -> Iterator[Annotated | Judged]:
    """Yield the `start`-th to `stop`-th published sample of a shard; judged ones where there are scores."""
    return islice(_published(job, config), start, stop)


def _published(job: ShardJob, config: RunConfig) -> Iterator[Annotated | Judged]:
    if config.score is not None:
        yield from (one for one in judged(job, config) if isinstance(one, Judged))
    elif config.annotate:
        for _, samples in annotated_chunks(job, config):
            yield from samples
    else:
        yield from (Annotated(facts=facts) for facts in survivors(job))


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


def rejections(job: ShardJob, config: RunConfig) -> Iterator[Verdict]:
    """Yield a verdict on each sample that a recipe or its scores kept out."""
    yield from failures(job, config)
    if config.score is not None:
        yield from (one for one in judged(job, config) if isinstance(one, Verdict))
