"""Batches in the order of their steps, read ahead by worker processes."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import torch
from torch.utils.data import DataLoader, Dataset

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.copies import prepare_folder
from contrastive_trainer.data.prefetch import Prefetch
from schemas.errors import PairwrightError, RunError

AHEAD = 2
"""Batches that each worker reads ahead, all of which are in memory."""

_TRAINERS = (signal.SIGTERM, signal.SIGINT)


class Loader:
    """Yields the batches of steps `first` to `last`, and says how long the trainer waited for them.

    Which worker reads a batch decides nothing of it: any number of workers gives the same batches.
    Remote shards of the next window are copied meanwhile.
    """

    def __init__(self, reader: BatchReader, *, workers: int) -> None:
        self._reader, self._steps = reader, _Steps(reader)
        self._workers = workers
        self.waited = 0.0
        """Seconds that the trainer has waited so far."""

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """Yield the batches of the steps from `first` up to, not including, `last`.

        Raises:
            ConfigError: see `BatchReader`.
            RunError: see `BatchReader`; or a worker process died.
        """
        if self._reader.cache is not None:
            prepare_folder(self._reader.cache)  # of this machine; the run's first rank may be on another
        told, tell = Pipe(duplex=False)
        loader = self._make(range(first, last), told)
        end = partial(tell.send_bytes, b"end")
        atexit.register(end)
        with _signals_held_back():
            source = iter(loader)
        prefetch = Prefetch(self._reader.cache) if self._reader.cache else None  # a thread: after the forks
        try:
            for step in range(first, last + 1):
                if prefetch is not None:
                    prefetch.want(self._reader.next_window(step, last))
                started = time.monotonic()
                batch = self._next(source)
                self.waited += time.monotonic() - started
                if batch is None:
                    return
                if isinstance(batch, PairwrightError):
                    raise batch
                yield batch
        finally:
            if prefetch is not None:
                prefetch.close()
            atexit.unregister(end)
            end()
            del source  # its queues go now, and not when a traceback that has them is collected
            told.close()
            tell.close()

    def _make(self, steps: range, told: Connection) -> "DataLoader[Batch | PairwrightError]":
        workers = min(self._workers, len(steps))
        return DataLoader(
            self._steps,
            batch_size=None,
            sampler=steps,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            worker_init_fn=partial(_settle, told),
        )

    @staticmethod
    def _next(source: Iterator[Batch | PairwrightError]) -> Batch | PairwrightError | None:
        try:
            return next(source, None)
        except RuntimeError as error:
            if "DataLoader worker (pid" not in str(error):
                raise
            raise RunError(
                "a process that reads data died, most often for want of memory (or of shared memory, "
                "/dev/shm); lower data.workers or batch, and run again"
            ) from error


class _Steps(Dataset[Batch | PairwrightError]):
    """A reader whose errors are handed over as they are, and not as the text of a traceback."""

    def __init__(self, reader: BatchReader) -> None:
        self._reader = reader

    def __getitem__(self, step: int) -> Batch | PairwrightError:
        try:
            return self._reader[step]
        except PairwrightError as error:
            return error


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Block the signals of `_settle` while processes are forked, so that they begin with them blocked."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, _TRAINERS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _settle(told: Connection, _: int) -> None:
    """Leave signals to the trainer, which saves when it is told to stop, and end when it says so.

    Schedulers signal all processes of a job, and a reader that dies takes the trainer with it.
    """
    torch.set_num_threads(1)
    for number in _TRAINERS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_when_told, args=(told,), daemon=True).start()


def _end_when_told(told: Connection) -> None:
    told.poll(None)
    os._exit(0)
