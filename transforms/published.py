"""The samples that are left after every stage, with what was written of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from recipes.registry import get_recipe
from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts
from transforms.annotate_shards import chunks
from transforms.annotation_table import annotations_in
from transforms.shard_job import ShardJob
from transforms.storage import read_table
from transforms.survivors import survivors


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """A sample and each recipe's answer for it; `failure` is the first answer that says nothing."""

    facts: Facts
    annotations: tuple[Annotation, ...] = ()

    @property
    def failure(self) -> Annotation | None:
        """Return the answer that keeps this sample from being published."""
        return next((a for a in self.annotations if a.reason is not None), None)


def annotated(job: ShardJob, config: RunConfig) -> Iterator[Annotated]:
    """Yield every sample of a shard that reached `annotate`, in order."""
    if not config.annotate:
        yield from (Annotated(facts=facts) for facts in survivors(job))
        return
    by_step = [
        chunks(job, get_recipe(step.recipe), config.workers[step.worker], config.chunk_samples)
        for step in config.annotate
    ]
    for same_range in zip(*by_step, strict=True):
        answers = [annotations_in(read_table(chunk.path)) for chunk in same_range]
        for facts, *of_sample in zip(same_range[0].facts, *answers, strict=True):
            yield Annotated(facts=facts, annotations=tuple(of_sample))


def published(
    job: ShardJob, config: RunConfig, start: int = 0, stop: int | None = None
) -> Iterator[Annotated]:
    """Yield the `start`-th to `stop`-th published sample of a shard."""
    return islice((sample for sample in annotated(job, config) if sample.failure is None), start, stop)
