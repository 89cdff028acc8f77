"""All cores of this machine for work that holds the interpreter lock: processes that take a shard at a time.

Only the embedded engine uses one: elsewhere the engine itself runs a process a core.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms import progress
from transforms.process_server import server_context

_pool: ProcessPoolExecutor | None = None


@contextmanager
def process_pool(processes: int) -> Iterator[None]:
    """Let `PooledDoFn` use so many processes within the block; with one, none are started."""
    global _pool
    if processes < 2:
        yield
        return
    # Forked from a server without threads: forking a process that runs a pipeline can lock up the child.
    context = server_context()
    counters = {name: context.Value("q", 0) for name in progress.COUNTED}
    with (
        ProcessPoolExecutor(processes, context, _start_child, (counters,)) as _pool,
        progress.shared(counters),
    ):
        try:
            yield
        finally:
            _pool = None


def _start_child(counters: dict[str, "Synchronized[int]"]) -> None:
    progress.share(counters)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    # A pool's processes outlive a parent that is killed: each keeps the other's pipe open.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class PooledDoFn(beam.DoFn):  # type: ignore[misc]
    """Apply a function to each element, in the process pool where there is one."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._running: list[Future[Any]] = []

    def start_bundle(self) -> None:
        """Forget what an earlier, failed bundle left."""
        self._running = []

    def process(self, element: Any) -> Iterator[Any]:
        """Yield the result, or have it made and yielded by `finish_bundle`."""
        if _pool is None:
            yield self._function(element)
        else:
            self._running.append(_pool.submit(self._function, element))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Yield what the pool made of the bundle's elements."""
        try:
            for future in self._running:
                yield WindowedValue(future.result(), GlobalWindow().max_timestamp(), [GlobalWindow()])
        finally:
            for future in self._running:
                future.cancel()
