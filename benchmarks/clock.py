"""Seconds that work takes: of the clock, and of the processor."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def clocked(work: Callable[[], Found]) -> tuple[Found, float, float]:
    """Return what the work gives, its seconds of the clock, and those of this process on the processor."""
    started, cpu_started = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - started, time.process_time() - cpu_started


def best_of(rounds: int, work: Callable[[], object]) -> tuple[float, float]:
    """Return the least seconds of the clock and the least of the processor, in some rounds."""
    times = [clocked(work)[1:] for _ in range(rounds)]
    return min(wall_s for wall_s, _ in times), min(cpu_s for _, cpu_s in times)
