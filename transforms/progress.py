"""What is done so far in this process, for a display; and the same as Beam counters for any runner."""

import threading
from collections import Counter

from apache_beam.metrics import Metrics

_lock = threading.Lock()
_done: Counter[str] = Counter()


def advance(what: str, amount: int = 1) -> None:
    """Note that `amount` more of `what` (samples, bytes) is done."""
    with _lock:
        _done[what] += amount


def done(what: str) -> int:
    """Return how much of `what` is done since the last reset."""
    with _lock:
        return _done[what]


def reset() -> None:
    """Begin a new stage."""
    with _lock:
        _done.clear()


def count(namespace: str, name: str, amount: int = 1) -> None:
    """Increment a Beam counter; reasons of drops and failures are counted so on every runner."""
    Metrics.counter(namespace, name).inc(amount)
