"""A training run: from a configuration to a model that transformers loads."""

import math
import signal
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from contrastive_trainer.checkpoints import FINAL, Progress
from contrastive_trainer.data.copies import prepare_folder
from contrastive_trainer.data.remote import is_remote
from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.distributed import Ranks, from_first, join
from contrastive_trainer.loop import Job, run
from contrastive_trainer.output_lock import only_writer
from contrastive_trainer.reporter import Reporter, Say, say_where
from contrastive_trainer.settings import deciding_settings
from contrastive_trainer.starting import find_finished, make_reader, start
from contrastive_trainer.stopping import stopping
from schemas.errors import ConfigError
from schemas.train import TrainConfig


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
        shards = from_first(ranks, lambda: list_shards(config.data.shards, say))
        steps = check_batch(config, shards, ranks)
        check_warmup(config, steps)
        settings = deciding_settings(config, shards)
        from_first(ranks, lambda: _make_folders(config, shards, stack))
        progress = from_first(ranks, lambda: find_finished(config, settings, steps))
        if progress is not None:
            if ranks.is_first:
                say_where(config, say, "done already")
            return _outcome(config, progress, steps, None)
        learner, progress = start(config, shards, ranks, settings)
        reader = make_reader(config, shards, learner, ranks)
        if ranks.is_first:
            say(f"{steps} steps of {config.batch} samples, {reader.samples} an epoch, on {_places(ranks)}")
        job = Job(config=config, ranks=ranks, learner=learner, reader=reader, steps=steps)
        reporter = None
        if ranks.is_first:
            reporter = stack.enter_context(closing(Reporter(config, progress, steps, say)))
        progress = run(job, progress, stop, reporter)
        stopped = None if progress.step == steps else stop.signal or signal.SIGTERM  # another rank's
        return _outcome(config, progress, steps, stopped)


def _make_folders(config: TrainConfig, shards: Sequence[TrainShard], stack: ExitStack) -> None:
    if config.data.cache is not None and any(is_remote(shard.path) for shard in shards):
        prepare_folder(config.data.cache)
    stack.enter_context(only_writer(Path(config.output)))


def _places(ranks: Ranks) -> str:
    return ranks.device.type if ranks.count == 1 else f"{ranks.count} ranks of {ranks.device.type}"


def _outcome(config: TrainConfig, progress: Progress, steps: int, stopped: int | None) -> Outcome:
    model = Path(config.output) / FINAL
    return Outcome(model=model, step=progress.step, steps=steps, skipped=progress.skipped, signal=stopped)


def total_steps(config: TrainConfig, samples: int) -> int:
    """Return the steps in which every sample is seen `epochs` times; the last batch may go on beyond."""
    return max(1, math.ceil(round(config.epochs * samples, 6) / config.batch))


def check_batch(config: TrainConfig, shards: Sequence[TrainShard], ranks: Ranks) -> int:
    """Return the steps of a run; refuse a batch that the data do not fill, or that does not divide.

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
    return total_steps(config, samples)


def check_warmup(config: TrainConfig, steps: int) -> None:
    """Refuse a warm-up in which the run is over: the learning rate would not come down from optim.lr.

    Raises:
        ConfigError: names the mend.
    """
    if config.optim.warmup >= steps:
        raise ConfigError(
            f"optim.warmup: {config.optim.warmup} steps are not less than the {steps} of the run (epochs "
            f"{config.epochs:g}, batch {config.batch}); lower it, to {steps // 10} say, or raise epochs"
        )
