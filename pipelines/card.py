"""Write README.md and croissant.json, which say what is in a published set, from its other files."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from dataset_cards.card import dataset_card
from dataset_cards.card_figures import COLUMNS, Figures
from dataset_cards.croissant import INDEX, PublishedFile, PublishedFiles, croissant
from dataset_cards.croissant_parts import LIST
from pipelines.report_draw import spread
from pipelines.score_mining import TABLE
from recipes.clip_tokens import estimate_clip_tokens
from schemas.errors import ConfigError, RunError
from transforms.publish.embeddings import EMBEDDINGS_SCHEMA
from transforms.publish.write_shard import INDEX_SCHEMA
from transforms.selecting.hard_negatives import SCHEMA
from transforms.storage import commit_bytes, exists, file_size, list_files, open_input, read_bytes

SHOWN = 10
"""Rows of the index that the card shows."""
READ = 20_000
"""Samples at most whose texts are read for their words and tokens."""
BATCH_ROWS = 2048
TABLES = {"index": INDEX_SCHEMA, "embeddings": EMBEDDINGS_SCHEMA, "mined_negatives": SCHEMA}
"""Those that are published, by their record sets."""

_NO_RECORD = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What a run.json raises that no run wrote."""


def write_card(
    folder: str,
    record: Mapping[str, Any],
    shards: Sequence[PublishedFile],
    embeddings: Sequence[PublishedFile] = (),
) -> None:
    """Write README.md and croissant.json of a published set, whose index.parquet is there.

    Args:
        folder: the run's output folder.
        record: as run.json has it.
        shards: the tars, in the order of their names.
        embeddings: the tables beside them, where they are published.

    Raises:
        RunError: the index or the record is damaged.
    """
    figures = read_figures(folder)
    files = published_files(folder, record, shards, embeddings)
    for name, text in card_files(record, figures, files).items():
        commit_bytes(_path(folder, name), text.encode("utf-8", "replace"))


def rebuild_card(folder: str) -> list[str]:
    """Write README.md and croissant.json of a finished run anew and return their paths; reads every shard.

    Raises:
        ConfigError: the folder holds no finished run.
        RunError: run.json or the index is damaged.
    """
    path = _path(folder, "run.json")
    if not exists(path):
        raise ConfigError(f"{folder} has no run.json, so no run finished it; give a run's output folder")
    try:
        record = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is no record of a run ({error}); run `pairwright curate` again") from error
    shards = [read_file(folder, name) for name in _names(folder, "shards", ".tar")]
    write_card(folder, record, shards, read_embeddings(folder, record))
    return [_path(folder, name) for name in ("README.md", "croissant.json")]


def published_files(
    folder: str,
    record: Mapping[str, Any],
    shards: Sequence[PublishedFile],
    embeddings: Sequence[PublishedFile],
) -> PublishedFiles:
    """Return what croissant.json describes; reads the index, and the mined negatives where there are any."""
    mined = _scoring(record).get("hard_negatives") is not None and exists(_path(folder, TABLE))
    return PublishedFiles(
        index=read_file(folder, INDEX),
        shards=shards,
        embeddings=embeddings,
        mined=read_file(folder, TABLE) if mined else None,
    )


def card_files(record: Mapping[str, Any], figures: Figures, files: PublishedFiles) -> dict[str, str]:
    """Return what README.md and croissant.json must say.

    Raises:
        RunError: the record is damaged.
    """
    columns = {name: {field.name: _type(field.type) for field in schema} for name, schema in TABLES.items()}
    try:
        return {
            "README.md": f"{dataset_card(record, figures).rstrip()}\n",
            "croissant.json": croissant(record, figures, files, columns),
        }
    except _NO_RECORD as error:
        raise RunError(
            f"run.json: no record of this set ({type(error).__name__}: {error}); "
            "run `pairwright curate` again"
        ) from error


def _type(kind: pa.DataType) -> str:
    return f"{LIST}{kind.value_type}" if pa.types.is_list(kind) else str(kind)


def _scoring(record: Any) -> Mapping[str, Any]:
    """Return the section `score` of a run's configuration, taking nothing on trust."""
    for name in ("config", "score"):
        record = record.get(name) if isinstance(record, dict) else None
    return record if isinstance(record, dict) else {}


def read_figures(folder: str) -> Figures:
    """Return what the index says of all its samples, in one pass; a batch of rows is in memory at a time.

    Raises:
        RunError: the index is not there or is no index.
    """
    path = _path(folder, INDEX)
    try:
        with open_input(path) as stream:
            return _figures(pq.ParquetFile(stream))
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        line = " ".join(str(error).split())[:200]
        raise RunError(f"{path} cannot be read ({line}); run `pairwright curate` again") from error


def _figures(table: pq.ParquetFile) -> Figures:
    if not table.schema_arrow.equals(INDEX_SCHEMA):
        raise ValueError("its columns are not those of an index")
    whole = table.metadata.num_rows
    figures = Figures(
        count_tokens=estimate_clip_tokens,
        shown=frozenset(spread(whole, SHOWN, "card rows")),
        read=frozenset(spread(whole, READ, "card texts")),
    )
    counted = [name for name in INDEX_SCHEMA.names if name.startswith(("n_", "has_"))]
    for batch in table.iter_batches(BATCH_ROWS, columns=[*COLUMNS, *counted]):
        figures.add(batch)
    return figures


def published_file(name: str, index_part: str, *, noted: str = "tar") -> PublishedFile:
    """Return a file as it was noted when it was written; `index_part` holds its shard's rows of the index.

    Args:
        name: its path below the output folder.
        index_part: the table whose metadata has `NOTED_bytes` and `NOTED_sha256`.
        noted: `tar` or `embeddings`.
    """
    with open_input(index_part) as stream:
        told = pq.read_schema(stream).metadata
    size, sha256 = (told[f"{noted}_{what}".encode()].decode() for what in ("bytes", "sha256"))
    return PublishedFile(name=name, size_bytes=int(size), sha256=sha256)


def read_file(folder: str, name: str) -> PublishedFile:
    """Return the size and the hash of a file, by reading it."""
    path = _path(folder, name)
    with open_input(path) as stream:
        digest = hashlib.sha256()
        while data := stream.read(2**20):
            digest.update(data)
    return PublishedFile(name=name, size_bytes=file_size(path), sha256=digest.hexdigest())


def read_embeddings(folder: str, record: Mapping[str, Any]) -> list[PublishedFile]:
    """Return the tables of embeddings with their hashes, by reading them; none where none were asked for."""
    if not _scoring(record).get("embeddings"):
        return []
    return [read_file(folder, name) for name in _names(folder, "embeddings", ".parquet")]


def _names(folder: str, below: str, ending: str) -> Iterator[str]:
    names = list_files(_path(folder, below))
    return (f"{below}/{name}" for name in names if name.endswith(ending) and not name.startswith("."))


def _path(folder: str, name: str) -> str:
    return str(FileSystems.join(folder, *name.split("/")))
