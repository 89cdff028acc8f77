"""Progress of the stages: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from tqdm import tqdm

from pipelines.run import Run
from pipelines.usage import paced
from pipelines.usage_lines import usage_lines
from pipelines.usage_record import usage_record
from schemas.errors import PairwrightError
from transforms.accounts import Account
from transforms.progress import done, reset

REFRESH_S = 0.2


class Display:
    """What a run says of itself while it runs. With another process doing the work, bars stand still."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._bars = enabled and sys.stderr.isatty()

    @contextmanager
    def stage(self, name: str, *, samples: int, bytes_in: int) -> Iterator[None]:
        """Show a stage's progress: by bytes of the input while the number of samples is unknown (0)."""
        reset()
        if not self._bars:
            yield
            return
        total, unit = (samples, "samples") if samples else (bytes_in, "bytes")
        with tqdm(
            total=total,
            desc=f"{name:9}",
            bar_format="{desc}{percentage:3.0f}% |{bar:30}|{postfix}, {remaining} left",
            leave=False,
        ) as bar:
            stop = threading.Event()
            thread = threading.Thread(target=_refresh, args=(bar, unit, stop), daemon=True)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()

    def finished(self, name: str, counted: Account, seconds: float, *, before: bool = False) -> None:
        """Say what became of the samples in a stage; one that was done before has no rate."""
        if not self._enabled:
            return
        rate = f"{counted.entered / max(seconds, 1e-3):>8,.0f}/s"
        line = f"{name:9} {counted.entered:>9,} in {counted.kept:>9,} kept  "
        line += "done before" if before else f"{seconds:7.1f} s {rate}"
        for kind in ("dropped", "failed"):
            reasons = {r: n for stage in counted.by_kind(kind).values() for r, n in stage.items()}
            if reasons and name != "publish":
                listed = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
                line += f"\n          {kind} " + ", ".join(
                    f"{reason} {number:,}" for reason, number in listed
                )
        print(line, file=sys.stderr)

    @contextmanager
    def spending(self, run: Run) -> Iterator[None]:
        """Note the pace of models' replies within the block; say at its end, or failure, what all cost."""
        try:
            with paced(run):
                yield
        except PairwrightError:
            with suppress(PairwrightError, OSError):  # the first error is the one to tell
                self.spent(run)
            raise
        self.spent(run)

    def say(self, lines: Iterable[str]) -> None:
        """Print lines below those of a stage."""
        if self._enabled:
            for line in lines:
                print(line, file=sys.stderr)

    def spent(self, run: Run) -> None:
        """Say what all replies so far have cost."""
        if self._enabled:
            self.say(usage_lines(usage_record(run)))


def _refresh(bar: "tqdm[None]", unit: str, stop: threading.Event) -> None:
    while not stop.wait(REFRESH_S):
        samples = done("samples")
        rate = samples / max(bar.format_dict["elapsed"], 1e-3)
        bar.set_postfix_str(f"{samples:,} samples, {rate:,.0f}/s", refresh=False)
        bar.n = min(done(unit), bar.total or 0)
        bar.refresh()
