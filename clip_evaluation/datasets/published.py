"""A folder that Pairwright published: shards, checked against index.parquet while they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clip_evaluation.datasets.checked_json import as_object, as_text, as_texts, parse_json
from clip_evaluation.datasets.tar_samples import TarSample, list_shards, read_samples
from schemas.errors import ConfigError, RunError

_COLUMNS = ["uid", "shard", "key", "format"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSample:
    """A picture (an encoded file), its texts, and its pairs of a true and a contradicting sentence."""

    uid: str
    key: str
    image: bytes
    caption: str
    alt_text: str
    pairs: tuple[tuple[str, str], ...]


def read_published(folder: Path) -> Iterator[PublishedSample]:
    """Yield the samples in the order of the index, which must name every one of them.

    Texts may be empty. A sample is in memory, and a row group of the index.

    Raises:
        ConfigError: the folder has no index or no shards.
        RunError: a shard, a sample or the index is not as expected, or they do not agree.
    """
    index = _rows(folder / "index.parquet")
    row = next(index, None)
    # A run that kept nothing has an index without rows, and no shards.
    shards = list_shards(folder) if row or any((folder / "shards").glob("*.tar")) else []
    for shard, sample in ((path.name, sample) for path in shards for sample in read_samples([path])):
        if row is None:
            raise RunError(f"{shard} has sample {sample.key!r}, which index.parquet does not name")
        if (row["shard"], row["key"]) != (shard, sample.key):
            raise RunError(f"{shard} has sample {sample.key!r} where index.parquet has {row['key']!r}")
        yield _sample(sample, row)
        row = next(index, None)
    if row is not None:
        raise RunError(f"index.parquet names sample {row['key']!r} of {row['shard']}, which is not there")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise ConfigError(f"{path} is not there; give the output folder of a finished run")
    try:
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                yield from file.read_row_group(number, columns=_COLUMNS).to_pylist()
    except (pa.ArrowException, KeyError) as error:
        raise RunError(f"{path} is damaged ({' '.join(str(error).split())[:120]})") from error


def _sample(sample: TarSample, row: dict[str, Any]) -> PublishedSample:
    where = sample.where
    record = as_object(parse_json(sample.member("json"), where), where)
    positive = as_texts(record.get("long_positive"), f"{where}: long_positive")
    negative = as_texts(record.get("long_negative"), f"{where}: long_negative")
    if negative and len(negative) != len(positive):
        raise RunError(f"{where}: {len(negative)} negatives beside {len(positive)} sentences")
    caption = as_text(record.get("caption"), f"{where}: caption")
    if record.get("uid") != row["uid"] or caption != sample.text("txt"):
        raise RunError(f"{where}: its uid or caption is not that of index.parquet and KEY.txt")
    return PublishedSample(
        uid=row["uid"],
        key=sample.key,
        image=sample.member("jpg" if row["format"] == "jpeg" else str(row["format"])),
        caption=caption,
        alt_text=as_text(record.get("alt_text"), f"{where}: alt_text"),
        pairs=tuple((p, n) for p, n in zip(positive, negative, strict=False) if p and n),
    )
