"""A training run: from a configuration to a checkpoint that transformers loads."""

import hashlib
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from contrastive_trainer.alarms import Alarms
from contrastive_trainer.checkpoints import Progress, keep_newest, newest, save_checkpoint
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.loader import Loader
from contrastive_trainer.data.shard_list import TrainShard, list_shards
from contrastive_trainer.distributed import Ranks, any_rank, join, sum_over, wait_for_all
from contrastive_trainer.learner import Learner
from contrastive_trainer.log import Log
from contrastive_trainer.starting import start
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig

OVERFIT_STEPS = 200
"""Steps of `--overfit-one-batch`."""

_FREE = ("output", "log_steps", "checkpoint_steps", "keep_checkpoints", "device")
_SHOWN = ("loss", "contrastive", "hni", "stc", "multi_text", "long_clip", "regions", "grounding", "distill")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    folder: Path
    step: int
    steps: int
    samples: int
    skipped: int
    loss: float
    samples_per_second: float
    waiting: float  # share of the time spent waiting for data

    @property
    def finished(self) -> bool:
        """Whether all steps are done; else it was told to stop, and the same command goes on."""
        return self.step == self.steps


def train(config: TrainConfig, *, overfit: bool = False, say: Say = print) -> Outcome:
    """Train, or go on training, as configured.

    Args:
        overfit: train on the first batch alone, without saving: a model that cannot learn that is broken.

    Raises:
        ConfigError: the configuration, the shards or a checkpoint does not fit.
        RunError: the loss is no number, or too many samples cannot be read.
    """
    with join(config.device) as ranks, _stopping() as stop:
        shards = list_shards(config.data.shards)
        _check(config, shards, ranks)
        learner, reader, progress = start(config, shards, ranks, settings_mark(config, shards))
        steps = OVERFIT_STEPS if overfit else total_steps(config, reader.samples)
        run = _Run(config, ranks, learner, reader, progress.step, steps, progress.skipped, stop, overfit, say)
        return run.go(progress.settings)


def settings_mark(config: TrainConfig, shards: list[TrainShard]) -> str:
    """Return the hash of all that decides the weights."""
    told = {key: value for key, value in config.model_dump(mode="json").items() if key not in _FREE}
    told["data"] = {k: v for k, v in told["data"].items() if k in ("shuffle_shards", "crop_scale")}
    files = [[Path(shard.path).name, shard.samples] for shard in shards]
    return hashlib.sha256(json.dumps([told, files], sort_keys=True).encode()).hexdigest()[:16]


def total_steps(config: TrainConfig, samples: int) -> int:
    """Return the steps in which every sample is seen `epochs` times; the last batch may go on beyond."""
    return max(1, math.ceil(round(config.epochs * samples, 6) / config.batch))


def _check(config: TrainConfig, shards: list[TrainShard], ranks: Ranks) -> None:
    samples = sum(shard.samples for shard in shards)
    if config.batch > samples:
        raise ConfigError(
            f"batch: {config.batch} is more than the {samples} samples of data.shards; lower it"
        )
    if config.batch % ranks.count:
        raise ConfigError(f"batch: {config.batch} does not divide among {ranks.count} ranks; change it")
    if config.chunk is not None and (config.batch // ranks.count) % config.chunk:
        raise ConfigError(
            f"chunk: {config.batch // ranks.count} samples a rank are no multiple of {config.chunk}; "
            "change it"
        )


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Turn SIGTERM and Ctrl-C into a flag while a run lasts; the second one stops at once."""
    event = threading.Event()

    def note(number: int, _: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    earlier = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _Clock:
    """How fast it went since the last lap."""

    def __init__(self, samples: int) -> None:
        self._last = (time.monotonic(), samples, 0.0)

    def lap(self, samples: int, waited: float) -> tuple[float, float]:
        """Return the share of the time spent waiting, and samples a second, since the last lap."""
        then, before, waited_then = self._last
        self._last = (time.monotonic(), samples, waited)
        seconds = max(self._last[0] - then, 1e-9)
        return min(1.0, (waited - waited_then) / seconds), (samples - before) / seconds


class _Run:
    """The loop. All that is drawn in a step is drawn from its number, so that a resumed run repeats it."""

    def __init__(
        self,
        config: TrainConfig,
        ranks: Ranks,
        learner: Learner,
        reader: BatchReader,
        step: int,
        steps: int,
        skipped: int,
        stop: threading.Event,
        overfit: bool,
        say: Say,
    ) -> None:
        self._config, self._ranks, self._learner, self._reader = config, ranks, learner, reader
        self._step, self._steps, self._skipped = step, steps, skipped
        self._first = step
        self._stop, self._overfit, self._say = stop, overfit, say
        self._folder = Path(config.output)
        self._loss = math.nan
        self._clock = _Clock(step * config.batch)
        kind = config.losses.contrastive.kind
        self._alarms = Alarms(chance=math.log(config.batch) if kind == "softmax" else None)

    def go(self, settings: str) -> Outcome:
        """Train to the end, or until told to stop."""
        loader = Loader(self._reader, workers=0 if self._overfit else self._config.data.workers)
        started = time.monotonic()
        log = Log(self._folder, step=self._step) if self._ranks.is_first and not self._overfit else None
        try:
            for batch in self._batches(loader):
                self._one(batch, loader, log)
                if self._is_due() and not self._overfit:
                    self._save(settings)
                if any_rank(self._stop.is_set(), self._ranks):
                    break
        finally:
            if log is not None:
                log.close()
        if not self._overfit:
            self._finish(settings)
        seconds = max(time.monotonic() - started, 1e-9)
        return Outcome(
            folder=self._folder,
            step=self._step,
            steps=self._steps,
            samples=self._step * self._config.batch,
            skipped=self._skipped,
            loss=self._loss,
            samples_per_second=(self._step - self._first) * self._config.batch / seconds,
            waiting=loader.waited / seconds,
        )

    def _batches(self, loader: Loader) -> Iterator[Batch]:
        if self._overfit:
            batch = self._reader[0]
            yield from (batch for _ in range(self._step, self._steps))
        else:
            yield from loader.batches(self._step, self._steps)

    def _one(self, batch: Batch, loader: Loader, log: Log | None) -> None:
        torch.manual_seed(self._config.seed * 1_000_003 + self._step * 1009 + self._ranks.rank)
        figures = self._learner.step(batch.to(self._ranks.device), self._step, self._steps)
        self._loss = figures["contrastive"]
        self._count(batch)
        self._step += 1
        due = self._step % self._config.log_steps == 0 or self._step == self._steps
        waiting, speed = (
            self._clock.lap(self._step * self._config.batch, loader.waited) if due else (0.0, 0.0)
        )
        for warning in self._alarms.look(self._step, self._loss, waiting):
            if self._ranks.is_first:
                self._say(f"warning: {warning}")
        if due and self._ranks.is_first:
            figures = figures | {"samples_per_second": speed, "waiting": waiting}
            self._say(_line(self._step, self._steps, figures))
            if log is not None:
                log.write(self._step, figures)

    def _count(self, batch: Batch) -> None:
        self._skipped += round(sum_over(batch.skipped, self._ranks))
        seen = (self._step + 1) * self._config.batch
        if self._skipped > max(self._config.data.max_skipped * seen, self._config.batch):
            raise RunError(
                f"{self._skipped} of {seen} samples could not be read, more than data.max_skipped="
                f"{self._config.data.max_skipped:g} allows; look at the shards with `pairwright doctor`"
            )

    def _is_due(self) -> bool:
        return self._step % self._config.checkpoint_steps == 0

    def _save(self, settings: str) -> None:
        if self._ranks.is_first:
            progress = Progress(
                step=self._step,
                steps=self._steps,
                samples=self._step * self._config.batch,
                skipped=self._skipped,
                settings=settings,
            )
            found = self._learner
            save_checkpoint(
                self._folder,
                progress,
                found.clip,
                found.encoder,
                found.tensors(),
                found.optimizer.state_dict(),
            )
            keep_newest(self._folder, self._config.keep_checkpoints)
        wait_for_all(self._ranks)

    def _finish(self, settings: str) -> None:
        last = newest(self._folder)
        if last is None or int(last.name[5:]) != self._step:
            self._save(settings)
        if self._step == self._steps and self._ranks.is_first:
            self._learner.publish(self._folder / "final")
        wait_for_all(self._ranks)


def _line(step: int, steps: int, figures: dict[str, float]) -> str:
    """Return a line for people: the step, the losses, speed, and the share of the time spent waiting."""
    losses = " ".join(f"{name} {value:.4f}" for name, value in figures.items() if name in _SHOWN)
    return (
        f"step {step}/{steps} {losses} {figures['samples_per_second']:.0f} samples/s "
        f"waiting {figures['waiting']:.0%} lr {figures['lr']:.2e} scale {figures['scale']:.1f}"
    )
