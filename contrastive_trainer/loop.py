"""The loop: fetch a batch, agree with the other ranks, learn, save."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from contrastive_trainer.checkpoints import FINAL, Progress, keep_newest, save_checkpoint, write_whole
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.loader import Loader
from contrastive_trainer.distributed import Ranks, from_first, sum_over
from contrastive_trainer.learner import Learner
from contrastive_trainer.reporter import Reporter
from contrastive_trainer.stopping import Stop
from schemas.errors import PairwrightError, RunError
from schemas.train import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is made of."""

    config: TrainConfig
    ranks: Ranks
    learner: Learner
    reader: BatchReader
    steps: int

    def save(self, progress: Progress) -> None:
        """Write a checkpoint, and remove those that are no longer kept."""

        def write() -> None:
            output = Path(self.config.output)
            save_checkpoint(output, progress, self.learner.save)
            keep_newest(output, self.config.keep_checkpoints)

        from_first(self.ranks, write)

    def publish(self) -> None:
        """Write the finished model."""
        folder = Path(self.config.output) / FINAL
        from_first(self.ranks, lambda: write_whole(folder, self.learner.publish))


def run(job: Job, progress: Progress, stop: Stop, reporter: Reporter | None) -> Progress:
    """Train to the end, or until told to stop, and save; return how far it came.

    Raises:
        RunError: the loss is no number, samples cannot be read, or a checkpoint cannot be written.
        ConfigError: the data do not fit the configuration.
    """
    loader = Loader(job.reader, workers=job.config.data.workers)
    saved = progress.step
    source = loader.batches(progress.step, job.steps)
    while progress.step < job.steps:
        batch, skipped = fetch(source, job.ranks, stop)
        if batch is None:
            break
        figures = job.learner.step(batch, progress.step, job.steps)
        progress = replace(progress, step=progress.step + 1, skipped=progress.skipped + skipped)
        check_skipped(progress, job.config)
        if reporter is not None:
            reporter.tell(progress, figures, batch, loader.waited)
        if progress.step % job.config.checkpoint_steps == 0 or progress.step == job.steps:
            job.save(progress)
            saved = progress.step
    if saved != progress.step:
        job.save(progress)
    if progress.step == job.steps:
        job.publish()
    if reporter is not None:
        reporter.end(progress, loader.waited)
    return progress


def fetch(source: Iterator[Batch], ranks: Ranks, stop: Stop) -> tuple[Batch | None, int]:
    """Return the next batch, and how many samples of it could not be read on any rank.

    The batch is None on all ranks where one was told to stop.

    Raises:
        PairwrightError: the batch cannot be read; on every rank, so that none waits for another.
    """
    batch, fault = None, None
    try:
        batch = next(source)
    except PairwrightError as error:
        fault = error
    mine = [float(fault is not None), float(stop.signal is not None), batch.skipped if batch else 0.0]
    failed, stopped, skipped = sum_over(mine, ranks)
    if fault is not None:
        raise fault
    if failed:
        raise RunError("another rank could not read its batch; see what it said")
    return None if stopped else batch, round(skipped)


def check_skipped(progress: Progress, config: TrainConfig) -> None:
    """Stop a run when too many samples could not be read: more than data.max_skipped, and than one batch.

    Raises:
        RunError: it is so.
    """
    seen = progress.step * config.batch
    if progress.skipped > max(config.data.max_skipped * seen, config.batch):
        raise RunError(
            f"{progress.skipped} of {seen} samples could not be read, more than data.max_skipped="
            f"{config.data.max_skipped:g} allows; look at the shards with `pairwright doctor`, or raise it"
        )
