"""Which shards are asked about in one window."""

from collections.abc import Sequence

from schemas.workers import WorkerConfig
from transforms.shard_job import ShardJob

WINDOWS_A_GROUP = 256
"""A group has samples for so many full windows, so that draining the last costs 1 to 2 % of its time.

With latencies spread like an exponential, a window of 64 takes 4.7 mean latencies to drain (the 64th harmonic
number), in which the work of one is done: 3.7 of 256 are lost.
"""


def window_of(worker: WorkerConfig) -> int:
    """Return how many requests a worker has under way at once; 0 where none waits for anything."""
    match worker.kind:
        case "rules" | "segments":
            return 0
        case "transformers" | "owlv2":
            return worker.batch_size
        case _:
            return worker.in_flight


def plan_groups(
    jobs: Sequence[ShardJob], samples: Sequence[int], worker: WorkerConfig, *, one_process: bool
) -> list[tuple[ShardJob, ...]]:
    """Return the shards in groups of neighbours, each of which a worker is asked about in one window.

    `samples` are those that each shard has left. Where `one_process` does all the work, all shards are one
    group; elsewhere a group ends once it has WINDOWS_A_GROUP windows of samples, so that many machines have
    work: minutes of it, whatever a server's speed. Rules need no window: each shard is its own group.
    """
    window = window_of(worker)
    if one_process and window:
        return [tuple(jobs)] if jobs else []
    groups: list[tuple[ShardJob, ...]] = []
    group: list[ShardJob] = []
    held = 0
    for job, number in zip(jobs, samples, strict=True):
        group.append(job)
        held += number
        if held >= WINDOWS_A_GROUP * window:
            groups.append(tuple(group))
            group, held = [], 0
    return [*groups, tuple(group)] if group else groups
