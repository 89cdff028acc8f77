"""What a run says while it trains: lines for people, warnings, and figures in files."""

import json
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from contrastive_trainer.alarms import Alarms, chance_loss
from contrastive_trainer.checkpoints import FINAL, Progress
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.log import Log
from schemas.train import TrainConfig

Say = Callable[[str], None]

FEW = 5
"""So many samples that cannot be read, and shards that are odd, are named; skipped samples are counted."""

_NOT_LOSSES = ("lr", "scale", "gradient_norm", "samples_per_second", "waiting", "skipped")


@dataclass
class Clock:
    """How fast a run goes: over all of it, and since the last lap."""

    batch: int
    first: int  # step that the run, or its resumption, begins at

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self._last = (self.started, self.first, 0.0)

    def lap(self, step: int, waited: float) -> dict[str, float]:
        """Return samples a second, and the share of the time spent waiting, since the last lap."""
        then, before, waited_then = self._last
        self._last = (time.monotonic(), step, waited)
        return self._speed(self._last[0] - then, step - before, waited - waited_then)

    def whole(self, step: int, waited: float) -> dict[str, float]:
        """Return the same of all steps so far."""
        return self._speed(time.monotonic() - self.started, step - self.first, waited)

    def _speed(self, seconds: float, steps: int, waited: float) -> dict[str, float]:
        seconds = max(seconds, 1e-9)
        return {
            "samples_per_second": steps * self.batch / seconds,
            "waiting": min(1.0, waited / seconds),
        }


class Few:
    """Lets the first `FEW` different lines through."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def take(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield those that may be told."""
        for line in lines:
            if line not in self._told and len(self._told) < FEW:
                self._told.add(line)
                yield line


class Reporter:
    """Tells people and files how a run goes; on the first rank alone."""

    def __init__(self, config: TrainConfig, progress: Progress, steps: int, say: Say) -> None:
        self._config, self._log_steps, self._steps, self._say = config, config.log_steps, steps, say
        self._clock = Clock(batch=config.batch, first=progress.step)
        self._faults, self._notes = Few(), Few()
        self._alarms = Alarms(chance=chance_loss(config))
        self._log = Log(Path(config.output), step=progress.step)
        if progress.step:
            say(f"goes on after step {progress.step}")

    def tell(self, progress: Progress, figures: Mapping[str, float], batch: Batch, waited: float) -> None:
        """Note a step.

        Args:
            batch: this rank's part of the step's, for what could not be read of it.
            waited: seconds that the run has waited for data so far.
        """
        faults = [f"{fault}; another stands in its place" for fault in batch.faults]
        self._warn(self._faults.take(faults))
        self._warn(self._notes.take(batch.notes))
        self._warn(self._alarms.look_at_loss(progress.step, figures["contrastive"]))
        if progress.step % self._log_steps and progress.step != self._steps:
            return
        speed = self._clock.lap(progress.step, waited)
        figures = dict(figures) | speed | {"skipped": progress.skipped}
        self._say(f"{step_line(progress.step, self._steps, figures)} left {self._left(progress.step)}")
        self._log.write(progress.step, figures)
        self._warn(self._alarms.look_at_data(speed["waiting"]))

    def end(self, progress: Progress, waited: float) -> None:
        """Say how the run went, and close the files."""
        speed = self._clock.whole(progress.step, waited)
        said = f"{speed['samples_per_second']:.0f} samples/s, waiting {speed['waiting']:.0%}"
        if progress.step < self._steps:
            self._say(f"stopped after step {progress.step} of {self._steps}, saved; the same command resumes")
            return
        if progress.step > self._clock.first:
            self._say(f"{self._steps} steps done, {said}; {progress.skipped} samples could not be read")
        say_where(self._config, self._say, "model")

    def close(self) -> None:
        """Write out what is left."""
        self._log.close()

    def _left(self, step: int) -> timedelta:
        seconds = time.monotonic() - self._clock.started
        return timedelta(seconds=round(seconds / (step - self._clock.first) * (self._steps - step)))

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            self._say(f"warning: {warning}")


def say_where(config: TrainConfig, say: Say, what: str) -> None:
    """Say where the finished model is, and how it is measured."""
    model = Path(config.output) / FINAL
    say(f"{what}: {model}")
    say(f"evaluate it: {_evaluate(config, str(model))}")


def _evaluate(config: TrainConfig, model: str) -> str:
    """Return a command that measures the model: on the published set that it learnt from, where it is one."""
    folder = next((path for path in config.data.shards if (Path(path) / "index.parquet").is_file()), None)
    if folder is None:
        return f"pairwright evaluate {shlex.quote(model)} CONFIG, over data that docs/evaluation.md lists"
    evaluations = f"evaluations=[{{kind: retrieval, data: {{kind: published, path: {json.dumps(folder)}}}}}]"
    words = ["pairwright", "evaluate", model, "configs/evaluate_demo.yaml", "--set", evaluations]
    return shlex.join([*words, "--out", str(Path(config.output) / "evaluation")])


def step_line(step: int, steps: int, figures: Mapping[str, float]) -> str:
    """Return a line for people: the step, the losses, speed, and the share of the time spent waiting."""
    losses = " ".join(f"{name} {value:.4f}" for name, value in figures.items() if name not in _NOT_LOSSES)
    return (
        f"step {step}/{steps} {losses} lr {figures['lr']:.2e} scale {figures['scale']:.1f} "
        f"{figures['samples_per_second']:.0f} samples/s waiting {figures['waiting']:.0%}"
    )
