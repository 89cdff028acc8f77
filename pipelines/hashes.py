"""List the hashes of an evaluation set's images, for `dedup.decontaminate`."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from schemas.config import InputConfig
from schemas.errors import ConfigError
from schemas.facts import Facts
from schemas.shard import Unit
from transforms.hash_list import hash_rows
from transforms.measure_units import measure_units
from transforms.ordered_map import ordered_map
from transforms.process_server import cores
from transforms.profile_shards import batches
from transforms.reading.shard_paths import find_shards
from transforms.reading.units import read_units
from transforms.storage import commit_table, read_bytes

SHARD_ENDINGS = (".tar", ".tar.gz", ".tgz", ".parquet")


def write_hashes(paths: Sequence[str], output: str) -> tuple[int, list[str]]:
    """Write the list of the images in files and shards; return how many, and a line for each left out.

    Raises:
        ConfigError: there is nothing at a path, or no image in any.
    """
    config = InputConfig(shards=tuple(paths), formats=("jpeg", "png", "webp", "gif", "bmp", "tiff", "avif"))
    shards = [path for path in paths if path.lower().endswith(SHARD_ENDINGS)]
    files = [path for path in paths if path not in shards]
    for path in files:
        if not os.path.isfile(path):
            raise ConfigError(f"{path}: no such image file; give image files or shards")
    facts: list[Facts] = []
    with ThreadPoolExecutor(cores()) as pool:
        for name, units in _sources(files, shards, config):
            measure = partial(measure_units, name, config=config, needs_text=False)
            for measured in ordered_map(measure, batches(units), pool, 2 * cores() + 2):
                facts += measured
    images = [row for row in facts if row.reason is None]
    if not images:
        raise ConfigError(f"no image could be read in {', '.join(paths[:3])}; give image files or shards")
    commit_table(output, hash_rows(images))
    return len(images), [f"{row.key}: {row.reason} {row.value or ''}".rstrip() for row in facts if row.reason]


def _sources(
    files: Sequence[str], shards: Sequence[str], config: InputConfig
) -> Iterator[tuple[str, Iterator[Unit]]]:
    if files:
        units = (
            Unit(index=n, key=path, read_image=partial(read_bytes, path), size_bytes=os.path.getsize(path))
            for n, path in enumerate(files)
        )
        yield "", units
    for shard in find_shards(shards) if shards else ():
        yield shard.name, read_units(shard, config)
