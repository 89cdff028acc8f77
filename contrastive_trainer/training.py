"""A training run: from a configuration to a model that transformers loads."""

import hashlib
import json
import math
import signal
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from contrastive_trainer.checkpoints import only_writer
from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.distributed import Ranks, from_first, join
from contrastive_trainer.loop import FINAL, Job, run
from contrastive_trainer.reporter import Reporter, Say
from contrastive_trainer.starting import make_reader, start
from contrastive_trainer.stopping import stopping
from schemas.errors import ConfigError
from schemas.train import TrainConfig

_ROUNDING = {"output", "log_steps", "checkpoint_steps", "keep_checkpoints", "device", "compile", "chunk"}
_READING = {"shards", "workers", "max_skipped", "cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    model: Path  # the finished one
    step: int
    steps: int
    skipped: int
    signal: int | None  # that stopped it

    @property
    def finished(self) -> bool:
        """Whether all steps are done; else it was told to stop, and the same command goes on."""
        return self.step == self.steps


def train(config: TrainConfig, *, say: Say = print) -> Outcome:
    """Train, or go on training, as configured: alone, or as one of the processes that torchrun started.

    At SIGTERM or Ctrl-C the step under way is finished and saved. The same configuration then goes on to the
    same weights, bit for bit on the same CPU, with any number of `data.workers`; on a GPU, whose kernels sum
    in no fixed order, or with another number of ranks, but for rounding (and what is dropped out).

    Raises:
        ConfigError: the configuration, the shards or a checkpoint does not fit.
        RunError: the loss is no number, too many samples cannot be read, or the disk is full.
    """
    disable_progress_bar()
    with join(config.device) as ranks, stopping() as stop, ExitStack() as stack:
        output = Path(config.output)
        shards = from_first(ranks, lambda: list_shards(config.data.shards, say))
        check_batch(config, shards, ranks)
        from_first(ranks, lambda: stack.enter_context(only_writer(output)))
        learner, progress = start(config, shards, ranks, settings_mark(config, shards))
        reader = make_reader(config, shards, learner, ranks)
        steps = total_steps(config, reader.samples)
        job = Job(config=config, ranks=ranks, learner=learner, reader=reader, steps=steps)
        reporter = None
        if ranks.is_first:
            reporter = stack.enter_context(closing(Reporter(config, progress, steps, say)))
        progress = run(job, progress, stop, reporter)
        stopped = None if progress.step == steps else stop.signal or signal.SIGTERM  # another rank's
        return Outcome(
            model=output / FINAL, step=progress.step, steps=steps, skipped=progress.skipped, signal=stopped
        )


def settings_mark(config: TrainConfig, shards: Sequence[TrainShard]) -> str:
    """Return the hash of all that decides the weights, but for rounding: settings, and the shards' sizes."""
    told = config.model_dump(mode="json", exclude={*_ROUNDING, "data"})
    told["data"] = config.data.model_dump(mode="json", exclude=_READING)
    files = [[Path(shard.name).name, shard.samples] for shard in shards]  # a URL's key may change
    return hashlib.sha256(json.dumps([told, files], sort_keys=True).encode()).hexdigest()[:16]


def total_steps(config: TrainConfig, samples: int) -> int:
    """Return the steps in which every sample is seen `epochs` times; the last batch may go on beyond."""
    return max(1, math.ceil(round(config.epochs * samples, 6) / config.batch))


def check_batch(config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks) -> None:
    """Refuse a batch that the data do not fill, or that does not divide among ranks and chunks.

    Raises:
        ConfigError: names the mend.
    """
    samples = sum(shard.samples for shard in shards)
    if config.batch > samples:
        raise ConfigError(
            f"batch: {config.batch} is more than the {samples} samples of data.shards; lower it"
        )
    if config.batch % ranks.count:
        raise ConfigError(f"batch: {config.batch} does not divide among {ranks.count} ranks; change it")
    share = config.batch // ranks.count
    if config.chunk is not None and share % config.chunk:
        raise ConfigError(f"chunk: {config.chunk} does not divide the {share} samples of a rank; change it")
