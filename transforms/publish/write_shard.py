"""Writes one published shard and the rows of the index that find its samples again."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from schemas.annotation import FIELDS, Annotation, Realigned, is_list_field
from schemas.errors import RunError
from schemas.facts import Facts
from transforms.publish.plan import OutputShard, sample_key
from transforms.publish.sample_json import encode_mended, sample_json
from transforms.publish.tar_writer import TarWriter
from transforms.storage import commit

TEXT_FIELDS = tuple(name for name in FIELDS if not is_list_field(name))
"""Fields of KEY.json that hold one text or null."""

LIST_FIELDS = tuple(name for name in FIELDS if is_list_field(name))
"""Those that hold a list; of its items the index counts those that are not empty, as a negative is that was
left out."""

_COLUMNS: dict[str, pa.DataType] = {
    "uid": pa.string(),
    "shard": pa.string(),
    "key": pa.string(),
    "offset": pa.int64(),
    "size_bytes": pa.int64(),
    "format": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "sha256": pa.string(),
    "json_sha256": pa.string(),
    "alt_text": pa.string(),
    "caption": pa.string(),
    "source_shard": pa.string(),
    "source_key": pa.string(),
    "language": pa.string(),
    "words": pa.int32(),
    **{f"n_{name}": pa.int32() for name in LIST_FIELDS},
    **{f"has_{name}": pa.bool_() for name in TEXT_FIELDS},
    "clip_alt": pa.float32(),
    "clip_caption": pa.float32(),
}
INDEX_SCHEMA = pa.schema(_COLUMNS)
"""A row of index.parquet. `offset` and `size_bytes` are of the image in the tar; the hashes are hex, of the
image's bytes and of KEY.json's."""

TAR_SHA256 = "tar_sha256"
"""Metadata of a shard's rows of the index: the hash of the shard, taken while it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One kept sample, with all that is published of it."""

    facts: Facts
    shard_name: str
    annotations: Sequence[Annotation]
    image: bytes
    scores: Mapping[str, Any] = field(default_factory=dict)
    realigned: Realigned | None = None


def extension(image_format: str) -> str:
    """Return the ending of an image's member by its real format.

    >>> extension("jpeg"), extension("png")
    ('jpg', 'png')
    """
    return "jpg" if image_format == "jpeg" else image_format


def index_row(record: Mapping[str, Any], json_bytes: bytes, place: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the index for a sample.

    Args:
        record: as `sample_json` makes it.
        json_bytes: of KEY.json.
        place: shard, key, offset and size_bytes.
    """
    facts = record["facts"]
    return {
        "uid": record["uid"],
        **place,
        "format": facts["format"],
        "width": facts["width"],
        "height": facts["height"],
        "sha256": facts["sha256"],
        "json_sha256": hashlib.sha256(json_bytes).hexdigest(),
        "alt_text": record["alt_text"],
        "caption": record["caption"],
        "source_shard": record["source"]["shard"],
        "source_key": record["source"]["key"],
        "language": facts["language"],
        "words": facts["words"],
        **{f"n_{name}": sum(map(bool, record[name])) for name in LIST_FIELDS},
        **{f"has_{name}": record[name] is not None for name in TEXT_FIELDS},
        "clip_alt": record["scores"].get("clip_alt"),
        "clip_caption": record["scores"].get("clip_caption"),
    }


def write_output_shard(plan: OutputShard, pieces: Iterable[Piece], path: str) -> pa.Table:
    """Write the shard whole or not at all, and return its rows of the index (`INDEX_SCHEMA`), in order.

    The table's metadata has the shard's `TAR_SHA256`.

    Raises:
        ValueError: there are more or fewer pieces than planned.
        RunError: an image is not the one that was measured.
    """
    rows: list[dict[str, Any]] = []
    with commit(path) as stream:
        tar = TarWriter(stream)
        for piece in pieces:
            if len(rows) == plan.size:
                raise ValueError(f"{plan.name} is planned to hold {plan.size} samples, but got more")
            rows.append(_write_sample(tar, plan.name, sample_key(plan.first + len(rows)), piece))
        if len(rows) != plan.size:
            raise ValueError(f"{plan.name} is planned to hold {plan.size} samples, but got {len(rows)}")
        tar.close()
    return pa.Table.from_pylist(rows, schema=INDEX_SCHEMA.with_metadata({TAR_SHA256: tar.sha256}))


def _write_sample(tar: TarWriter, shard: str, key: str, piece: Piece) -> dict[str, Any]:
    facts = piece.facts
    if facts.format is None or hashlib.sha256(piece.image).digest() != facts.sha256:
        raise RunError(
            f"{piece.shard_name}: the image of {facts.key!r} is not the one that was profiled: "
            "the shard changed during the run; remove the output folder and run again"
        )
    record, json_bytes = encode_mended(
        sample_json(facts, piece.shard_name, piece.annotations, piece.scores, piece.realigned)
    )
    members = {
        f"{key}.{extension(facts.format)}": piece.image,
        f"{key}.json": json_bytes,
        f"{key}.txt": record["caption"].encode(),
    }
    offsets = {name: tar.add(name, members[name]) for name in sorted(members)}
    place = {
        "shard": shard,
        "key": key,
        "offset": offsets[f"{key}.{extension(facts.format)}"],
        "size_bytes": len(piece.image),
    }
    return index_row(record, json_bytes, place)
