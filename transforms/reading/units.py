"""Reads an input shard unit by unit, whatever its format."""

from collections.abc import Iterator

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.reading.parquet_file import check_columns
from transforms.reading.parquet_units import parquet_units
from transforms.reading.tar_units import tar_units


def read_units(shard: Shard, config: InputConfig) -> Iterator[Unit]:
    """Yield every unit of a shard in its order: samples, whole or not, and what is none.

    Text may be None (there is none) or empty on a whole unit: whether that will do, the caller knows. The
    image of a local tar is read when `read_image` is called, from any thread and also after the
    generator has moved on; of any other shard its bytes are held by the unit.

    Raises:
        OSError: the shard is not there or cannot be read.
        InputError: a Parquet shard has no column of images.
    """
    if shard.format == "parquet":
        yield from parquet_units(shard, config)
    else:
        yield from tar_units(shard, config)


def check_shard(shard: Shard, config: InputConfig) -> None:
    """Refuse a Parquet shard without images by its schema alone; a tar has none to look at.

    Raises:
        OSError: the shard is not there or cannot be read.
        InputError: it has no column of images.
    """
    if shard.format == "parquet":
        check_columns(shard, config)
