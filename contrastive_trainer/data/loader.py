"""Batches in the order of their steps, read ahead by worker processes."""

import time
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.batch_reader import BatchReader

AHEAD = 4
"""Batches that each worker reads ahead."""


class Loader:
    """Yields the batches of steps `first` to `last`, and says how long the trainer waited for them.

    Which worker reads a batch decides nothing of it: any number of workers gives the same batches.
    """

    def __init__(self, reader: BatchReader, *, workers: int) -> None:
        self._reader = reader
        self._workers = workers
        self.waited = 0.0
        """Seconds that the trainer has waited so far."""

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """Yield the batches of the steps from `first` up to, not including, `last`.

        Raises:
            RunError, ConfigError: see `BatchReader`.
            RuntimeError: a worker process died.
        """
        loader: DataLoader[Batch] = DataLoader(
            self._reader,
            batch_size=None,
            sampler=range(first, last),
            num_workers=min(self._workers, max(1, last - first)) if self._workers else 0,
            prefetch_factor=AHEAD if self._workers else None,
            worker_init_fn=_one_thread,
        )
        source = iter(loader)
        while True:
            started = time.monotonic()
            batch = next(source, None)
            self.waited += time.monotonic() - started
            if batch is None:
                return
            yield batch


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
