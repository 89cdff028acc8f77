"""End an engine's process when this one is killed: it would run on, and keep the GPU's memory."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NAME = "EngineCore"
"""With which the names of vLLM's engine processes begin; all others that it starts end with them."""
_LOOK_EVERY_S = 0.1
_END_AFTER_PARENT = """\
import contextlib, os, signal, sys
for line in list(sys.stdin.buffer):
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(line), signal.SIGKILL)
"""


class Watch:
    """A small process that waits for this one's end, however it comes, and then kills the engine's.

    It reads the numbers of those from a pipe whose writing end is here: the system closes that end with this
    process, and not before.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and text)
            [sys.executable, "-I", "-S", "-c", _END_AFTER_PARENT],
            stdin=subprocess.PIPE,
            start_new_session=True,  # an interrupt of the whole group is not for it
        )

    @contextmanager
    def over_start(self) -> Iterator[None]:
        """Find the engine processes that are started meanwhile, as soon as they are there."""
        started = threading.Event()
        looking = threading.Thread(target=self._look, args=(started,), name="watch", daemon=True)
        looking.start()
        try:
            yield
        finally:
            started.set()
            looking.join()

    def close(self) -> None:
        """Stop watching."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _look(self, started: threading.Event) -> None:
        stdin, told = self._process.stdin, set[int]()
        assert stdin is not None
        last = False
        while not last:
            last = started.wait(_LOOK_EVERY_S)
            for child in multiprocessing.active_children():
                if child.name.startswith(_NAME) and child.pid is not None and child.pid not in told:
                    told.add(child.pid)
                    stdin.write(b"%d\n" % child.pid)
                    stdin.flush()
