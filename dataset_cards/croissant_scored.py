"""What croissant.json says of the tables that the score stage publishes beside the shards."""

from collections.abc import Mapping
from typing import Any

from dataset_cards.croissant_parts import column_field, file_set, of_object, of_set, record_set

PARQUET = "application/x-parquet"

_TABLES = "embedding-files"
_EMBEDDINGS = {
    "uid": "Of the sample, as in the index.",
    "image": "Of the picture, of unit length.",
    "alt_text": "Of the alt text, of unit length; zeros where there is nothing to read.",
    "caption": "Of the caption, of unit length; zeros where there is nothing to read.",
}
_MINED = {
    "uid": "Of the sample.",
    "rank": "From 0, the hardest.",
    "text_uid": "Of the sample whose caption the text is.",
    "text": "A text that is likely false of the picture; not trusted.",
    "cosine": "Of the sample's picture and the text.",
}

Columns = Mapping[str, Mapping[str, str]]


def scored_file_sets(*, embeddings: bool) -> list[dict[str, Any]]:
    """Return the tables of embeddings as one set, where they are published."""
    about = "Embeddings by the CLIP that scored the texts: a table for each shard, in its order."
    return [file_set(_TABLES, about, [PARQUET], ["embeddings/*.parquet"])] if embeddings else []


def scored_record_sets(columns: Columns, *, embeddings: bool, mined: str | None) -> list[dict[str, Any]]:
    """Return the rows of the tables that are published.

    Args:
        columns: those of `embeddings` and `mined_negatives`, with their types as Arrow names them.
        embeddings: whether they are published.
        mined: id of the table of mined negatives, where it is published.
    """
    found = []
    if embeddings:
        told = "A row for every sample, in the order of the index."
        found.append(_rows("embeddings", told, columns, _EMBEDDINGS, of_set(_TABLES), ("uid",)))
    if mined is not None:
        told = "Up to so many rows a sample as were asked for, the hardest first."
        found.append(_rows("mined_negatives", told, columns, _MINED, of_object(mined), ("uid", "rank")))
    return found


def _rows(
    name: str,
    told: str,
    columns: Columns,
    about: Mapping[str, str],
    table: dict[str, Any],
    keys: tuple[str, ...],
) -> dict[str, Any]:
    fields = [column_field(name, one, kind, about[one], table) for one, kind in columns[name].items()]
    return record_set(name, told, fields, keys)
