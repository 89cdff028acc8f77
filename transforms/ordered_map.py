"""Work on a stream with many threads, in order and with bounded memory."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from transforms.process_server import cores

T = TypeVar("T")
R = TypeVar("R")


def threads() -> int:
    """Return how many threads to use: one a core, but two in each of several processes."""
    return cores() if multiprocessing.parent_process() is None else 2


@cache
def thread_pool() -> ThreadPoolExecutor:
    """Return this process's pool of threads, for work that releases the interpreter lock."""
    return ThreadPoolExecutor(threads(), thread_name_prefix="pairwright")


def ordered_map(function: Callable[[T], R], items: Iterable[T], pool: Executor, window: int) -> Iterator[R]:
    """Yield `function(item)` in the order of the items, with at most `window` items taken but not yielded."""
    running: deque[Future[R]] = deque()
    try:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) >= window:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
