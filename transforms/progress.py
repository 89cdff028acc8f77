"""What is done so far on this machine, for a display; and the same as Beam counters for any runner."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized

from apache_beam.metrics import Metrics

COUNTED = ("samples", "bytes")

_lock = threading.Lock()
_done = dict.fromkeys(COUNTED, 0)
_shared: Mapping[str, "Synchronized[int]"] = {}


def advance(what: str, amount: int = 1) -> None:
    """Note that `amount` more of `what`, one of COUNTED, is done."""
    if _shared:
        with _shared[what].get_lock():
            _shared[what].value += amount
        return
    with _lock:
        _done[what] += amount


def done(what: str) -> int:
    """Return how much of `what` is done since the last reset."""
    return _shared[what].value if _shared else _done[what]


def reset() -> None:
    """Begin a new stage."""
    for what in COUNTED:
        advance(what, -done(what))


def share(counters: Mapping[str, "Synchronized[int]"]) -> None:
    """Count in memory that other processes count in as well."""
    global _shared
    _shared = counters


@contextmanager
def shared(counters: Mapping[str, "Synchronized[int]"]) -> Iterator[None]:
    """Count so within the block."""
    share(counters)
    try:
        yield
    finally:
        share({})


def count(namespace: str, name: str, amount: int = 1) -> None:
    """Increment a Beam counter; reasons of drops and failures are counted so on every runner."""
    Metrics.counter(namespace, name).inc(amount)
