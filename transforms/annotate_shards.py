"""Annotate groups of shards: have a step's recipe answered about every sample that is still in."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import apache_beam as beam

from lvlm_workers.registry import make_worker
from lvlm_workers.resource_hints import resource_hints
from schemas.config import AnnotateStep, RunConfig
from transforms.accounts import Account
from transforms.ask_group import ask_group
from transforms.chunks import PlanChunks, step_chunks
from transforms.process_pool import PooledDoFn
from transforms.shard_job import ShardJob
from transforms.steps import find_step

Group = tuple[ShardJob, ...]


def annotate_by_rule(
    job: ShardJob, config: RunConfig, step: AnnotateStep, plan_chunks: PlanChunks = step_chunks
) -> tuple[int, Account]:
    """Annotate a shard with a worker of this process's own, which must hold nothing."""
    planned = find_step(config, step.recipe)
    (counted,) = ask_group([job], config, planned, make_worker(planned.worker), plan_chunks)
    return counted


@dataclass(kw_only=True, eq=False)
class AnnotateShards(beam.PTransform):  # type: ignore[misc]
    """Commit one recipe's annotations of every shard; those that it starts from are committed.

    In: PCollection of groups of shards (see `transforms.shard_groups`). Out: PCollection of (shard order,
    Account), one a shard.
    """

    config: RunConfig
    step: AnnotateStep
    plan_chunks: PlanChunks = step_chunks

    def expand(self, groups: beam.PCollection[Group]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `ask_group`: what needs no model on all cores, a model in one window a group."""
        worker = self.config.workers[self.step.worker]
        if worker.kind in ("rules", "segments"):
            work = partial(annotate_by_rule, config=self.config, step=self.step, plan_chunks=self.plan_chunks)
            return groups | beam.FlatMap(lambda group: group) | beam.ParDo(PooledDoFn(work))
        ask = beam.ParDo(_Annotate(self.config, self.step, self.plan_chunks)).with_resource_hints(
            **resource_hints(worker)
        )
        return groups | ask


class _Annotate(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig, step: AnnotateStep, plan_chunks: PlanChunks) -> None:
        self._config = config
        self._step = step
        self._plan_chunks = plan_chunks

    def setup(self) -> None:
        self._worker = make_worker(self._config.workers[self._step.worker])

    def teardown(self) -> None:
        self._worker.close()

    def process(self, group: Group) -> Iterator[tuple[int, Account]]:
        planned = find_step(self._config, self._step.recipe)
        yield from ask_group(group, self._config, planned, self._worker, self._plan_chunks)
