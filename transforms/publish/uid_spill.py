"""Brings rows of the same uid together where more of them come than fit into memory."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

BUCKETS = 256
"""Parts that the rows are split into by the hash of their uid."""


def by_uid(rows: Iterable[tuple[Any, ...]]) -> Iterator[Iterator[list[Any]]]:
    """Yield the rows again in parts, each in its order; those whose first value is the same are in one part.

    Spills to the folder for temporary files: about the size of the rows, which are written as JSON.
    """
    with TemporaryDirectory(prefix="pairwright-uids-") as folder:
        buckets: dict[int, TextIO] = {}
        with ExitStack() as stack:
            for row in rows:
                number = zlib.crc32(row[0].encode("utf-8", "surrogatepass")) % BUCKETS
                if number not in buckets:
                    opened = Path(folder, str(number)).open("w", encoding="ascii")  # noqa: SIM115 - the stack's
                    buckets[number] = stack.enter_context(opened)
                buckets[number].write(f"{json.dumps(row)}\n")
        for number in sorted(buckets):
            yield _read(Path(folder, str(number)))


def _read(path: Path) -> Iterator[list[Any]]:
    with path.open(encoding="ascii") as lines:
        yield from map(json.loads, lines)
