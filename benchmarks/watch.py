"""CPU time and memory of a process and all that it starts, from /proc."""

import os
import threading
from pathlib import Path

PERIOD_S = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Watches the processes of one session, until it is stopped."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._cpu_ticks: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_mib = 0.0
        self._thread.start()

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes seen so far, those that ended included."""
        return sum(self._cpu_ticks.values()) / _TICKS

    def stop(self) -> None:
        """Look a last time and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.look()

    def look(self) -> None:
        """Add up what the session's processes use now; shared pages count once (PSS)."""
        mib = 0.0
        for path in Path("/proc").glob("[0-9]*"):
            try:
                fields = (path / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) != self._session:
                    continue
                self._cpu_ticks[int(path.name)] = int(fields[11]) + int(fields[12])
                rollup = (path / "smaps_rollup").read_text().split()
                mib += int(rollup[rollup.index("Pss:") + 1]) / 1024
            except (OSError, ValueError):
                continue  # it has just ended
        self.peak_mib = max(self.peak_mib, mib)
