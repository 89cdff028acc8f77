"""What an evaluation says while it runs: a bar on a terminal, a line a step elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_WIDTH = 36
Advance = Callable[[int], object]


class Progress:
    """Says on the error stream how far embedding is; `enabled=False` says nothing."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._bars = enabled and sys.stderr.isatty()

    def say(self, line: str) -> None:
        """Say a line."""
        if self._enabled:
            print(line, file=sys.stderr)

    @contextmanager
    def step(self, what: str, *, total: int, cached: int, unit: str) -> Iterator[Advance]:
        """Show how far `total` items are, of which `cached` are there already; say so at the end."""
        started = time.monotonic()
        what = what if len(what) <= _WIDTH else f"{what[: _WIDTH - 3]}..."
        if total == cached:
            yield lambda _: None
        else:
            with tqdm(
                total=total,
                initial=cached,
                desc=f"{what:{_WIDTH}}",
                unit=f" {unit}",
                disable=not self._bars,
                leave=False,
                bar_format="{desc}{percentage:3.0f}% |{bar:24}|{n_fmt}, {rate_fmt}, {remaining} left",
            ) as bar:
                yield bar.update
        seconds = time.monotonic() - started
        rate = f"{seconds:7.1f} s {(total - cached) / max(seconds, 1e-3):>8,.0f}/s" if cached < total else ""
        kept = f"  {cached:,} from the cache" if cached else ""
        self.say(f"{what:{_WIDTH}} {total:>9,} {unit:9} {rate}{kept}".rstrip())
