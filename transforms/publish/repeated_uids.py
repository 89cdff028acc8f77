"""Finds uids that occur twice in more of them than fit into memory."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

BUCKETS = 256
"""Parts that the uids are split into by their hash; one is in memory at a time."""


def repeated_uids(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield each pair (uid, place) whose uid came before as (uid, first place, place).

    Spills to the folder for temporary files: about the size of the uids and places.
    """
    with TemporaryDirectory(prefix="pairwright-uids-") as folder:
        buckets: dict[int, TextIO] = {}
        with ExitStack() as stack:
            for uid, place in named:
                number = zlib.crc32(uid.encode("utf-8", "surrogatepass")) % BUCKETS
                if number not in buckets:
                    opened = Path(folder, str(number)).open("w", encoding="ascii")  # noqa: SIM115 - the stack's
                    buckets[number] = stack.enter_context(opened)
                buckets[number].write(f"{json.dumps([uid, place])}\n")
        for number in sorted(buckets):
            yield from _repeated(Path(folder, str(number)))


def _repeated(path: Path) -> Iterator[tuple[str, str, str]]:
    first: dict[str, str] = {}
    with path.open(encoding="ascii") as lines:
        for line in lines:
            uid, place = json.loads(line)
            if uid in first:
                yield uid, first[uid], place
            else:
                first[uid] = place
