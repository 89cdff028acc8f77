"""SIGTERM and Ctrl-C: a run saves and leaves; the same command resumes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Stop:
    """The signal that asked a run to stop; None: it may go on."""

    signal: int | None = None


@contextmanager
def stopping() -> Iterator[Stop]:
    """Note SIGTERM and Ctrl-C instead of dying of them; the second one stops at once.

    In a thread that is not the main one nothing is changed.

    Raises:
        KeyboardInterrupt: at the second signal.
    """
    stop = Stop()

    def note(number: int, _: object) -> None:
        if stop.signal is not None:
            raise KeyboardInterrupt
        stop.signal = number

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    earlier = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
