"""The file sets and record sets of croissant.json."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataset_cards.card_features import member_ending
from dataset_cards.croissant_parts import column, column_field, field, file_set, of_object, of_set, record_set

_COLUMNS = {
    "uid": "Names the sample: the input's own, or a hash of shard and key.",
    "shard": "Base name of its tar.",
    "key": "Its key there.",
    "offset": "Place of the picture's first byte in the tar.",
    "size_bytes": "Of the picture.",
    "format": "Of the picture.",
    "width": "In px.",
    "height": "In px.",
    "sha256": "Of the picture's bytes, in hex.",
    "json_sha256": "Of the bytes of KEY.json, in hex.",
    "alt_text": "The text that came with the picture; not trusted.",
    "caption": "The text to train on.",
    "source_shard": "The input shard it came from.",
    "source_key": "Its key there.",
    "language": "Of the alt text, by fastText's lid.176.",
    "words": "Of the alt text.",
    "clip_alt": "Cosine of picture and alt text; null where nothing was scored.",
    "clip_caption": "Cosine of picture and caption; null where nothing was scored.",
}
_KEY = r"(\d+)(?:\..*)?"
"""The key in a member's name; also in a key alone, which mlcroissant asks for twice."""

_IMAGES, _RECORDS = "image-files", "record-files"


def file_sets(shards: Sequence[str], formats: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pictures and the records in the tars; nothing where there is no tar.

    Args:
        shards: ids of the tars.
        formats: of the pictures there are.
    """
    if not shards:
        return []
    endings = [f"*.{member_ending(name)}" for name in formats]
    mimes = [f"image/{name}" for name in formats]
    return [
        file_set(_IMAGES, "The pictures, as they came.", mimes, endings, shards),
        file_set(_RECORDS, "All that is known of each.", ["application/json"], ["*.json"], shards),
    ]


def record_sets(index: str, columns: Mapping[str, str], *, with_shards: bool) -> list[dict[str, Any]]:
    """Return the rows of the index; with shards also the pictures beside their texts, and the records.

    Args:
        index: id of index.parquet.
        columns: its columns, with their types as Arrow names them.
        with_shards: whether there are any.
    """
    table = of_object(index)
    rows = [column_field("index", name, kind, _about(name), table) for name, kind in columns.items()]
    found = [record_set("index", "A row for every sample, with its texts and measures.", rows)]
    if with_shards:
        joined = {"references": column(table, "key")}
        samples = [
            field("samples", "key", "sc:Text", "Of the sample.", _name_of(_IMAGES)) | joined,
            field("samples", "image", "sc:ImageObject", "The picture.", _content_of(_IMAGES)),
            field("samples", "caption", "sc:Text", _COLUMNS["caption"], column(table, "caption")),
            field("samples", "alt_text", "sc:Text", _COLUMNS["alt_text"], column(table, "alt_text")),
        ]
        records = [
            field("records", "key", "sc:Text", "Of the sample.", _name_of(_RECORDS)),
            field("records", "json", "sc:Text", "Its KEY.json, as text.", _content_of(_RECORDS)),
        ]
        found.append(record_set("samples", "Pictures with the text to train on.", samples))
        found.append(record_set("records", "All that is known of each sample.", records))
    return found


def _about(column: str) -> str:
    for prefix, what in (("n_", "How many items the field {} has."), ("has_", "Whether there is a {}.")):
        if column.startswith(prefix):
            return what.format(column.removeprefix(prefix))
    return _COLUMNS[column]


def _name_of(files: str) -> dict[str, Any]:
    return {
        **of_set(files),
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": _KEY},
    }


def _content_of(files: str) -> dict[str, Any]:
    return of_set(files) | {"extract": {"fileProperty": "content"}}
