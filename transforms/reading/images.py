"""Reads images again where the units said they lie."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import pyarrow as pa

from schemas.shard import Shard
from transforms.reading.parquet_units import BATCH_ROWS, image_bytes, open_parquet
from transforms.reading.sources import SourceError, open_source


def read_images(shard: Shard, places: Sequence[tuple[int, int]], image_columns: Sequence[str] = ()) -> Iterator[bytes]:
    yield b""
