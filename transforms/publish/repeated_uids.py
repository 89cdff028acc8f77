"""Finds uids that occur twice in more of them than fit into memory."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

BUCKETS = 256
"""Parts that the uids are split into by their hash; one is in memory at a time."""


def repeated_uids(named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield each pair (uid, place) whose uid came before as (uid, first place, place).

    Spills to the folder for temporary files: about the size of the uids and places.
    """
    with TemporaryDirectory(prefix="pairwright-uids-") as folder:
        paths = [Path(folder, str(i)) for i in range(BUCKETS)]
        with ExitStack() as stack:
            buckets = [stack.enter_context(path.open("w", encoding="ascii")) for path in paths]
            for uid, place in named:
                line = json.dumps([uid, place])
                buckets[zlib.crc32(uid.encode("utf-8", "surrogatepass")) % BUCKETS].write(f"{line}\n")
        for path in paths:
            yield from _repeated(path)


def _repeated(path: Path) -> Iterator[tuple[str, str, str]]:
    first: dict[str, str] = {}
    with path.open(encoding="ascii") as lines:
        for line in lines:
            uid, place = json.loads(line)
            if uid in first:
                yield uid, first[uid], place
            else:
                first[uid] = place
