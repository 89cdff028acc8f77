"""A sample's scores, and the table that keeps them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvlm_workers.clip_words import WordScore, WordScores
from schemas.annotation import is_list_field

Cosine = float | None
Vector = NDArray[np.float16]
COLUMNS = ("clip_alt", "clip_caption", "clip_masked", "quality")
"""Of the table: those that a rule of `score.keep` can ask about."""
_WORD = pa.struct(
    [("word", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("score", pa.float32())]
)
_WORDS = pa.struct([("words", pa.list_(_WORD)), ("cosine", pa.float32()), ("unread", pa.int32())])
_TAGS = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string())]))
_CAPTIONS = pa.list_(pa.struct([("text", pa.string()), ("cosine", pa.float32())]))
_TEXTS = pa.list_(pa.struct([("text", pa.string()), ("embedding", pa.list_(pa.float16()))]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a CLIP says of one sample.

    Args:
        reason: why there are no scores: what is wrong with the picture.
        captions: cosine of each text that may become the caption, as it is cut for that.
        fields: of each scored field, in the order of its texts; null where there is nothing to read.
        words: of fields whose words were looked at, those of each text with their scores, behind a template.
        quality: the picture's cosine with the direction of quality.
        tags: of the picture's context, by attribute; None where they were not asked for.
        clip_masked: the alt text's cosine with the picture without its writing.
        text_printed: share of the alt text's words that stand in the picture; None where it was not read.
        image: the picture's embedding, of unit length, where it is kept.
        texts: then those of the texts that may become the caption, each as it is cut for that.
    """

    index: int
    uid: str
    reason: str | None = None
    clip_alt: Cosine = None
    clip_caption: Cosine = None
    captions: Mapping[str, Cosine] = field(default_factory=dict)
    fields: Mapping[str, Cosine | Sequence[Cosine]] = field(default_factory=dict)
    words: Mapping[str, Sequence[WordScores]] = field(default_factory=dict)
    quality: Cosine = None
    tags: Mapping[str, str] | None = None
    clip_masked: Cosine = None
    text_printed: float | None = None
    image: Vector | None = None
    texts: Mapping[str, Vector] = field(default_factory=dict)

    @property
    def clip_best(self) -> Cosine:
        """The better of alt text and caption."""
        return max((s for s in (self.clip_alt, self.clip_caption) if s is not None), default=None)


def score_schema(fields: Sequence[str], words: Sequence[str] = ()) -> pa.Schema:
    """Return the schema of the scores of these fields, and of the words of some."""
    columns: list[tuple[str, pa.DataType]] = [("index", pa.int64()), ("uid", pa.string())]
    columns += [("reason", pa.string()), ("clip_alt", pa.float32()), ("clip_caption", pa.float32())]
    columns += [("captions", _CAPTIONS)]
    columns += [
        (f"clip_{name}", pa.list_(pa.float32()) if is_list_field(name) else pa.float32()) for name in fields
    ]
    columns += [(f"words_{name}", pa.list_(_WORDS)) for name in words]
    columns += [("quality", pa.float32()), ("context_tags", _TAGS)]
    columns += [("clip_masked", pa.float32()), ("text_printed", pa.float32())]
    return pa.schema([*columns, ("image", pa.list_(pa.float16())), ("texts", _TEXTS)])


def score_table(rows: Iterable[Scores], fields: Sequence[str], words: Sequence[str] = ()) -> pa.Table:
    """Return the scores as a table, sorted by index."""
    made = [_row(row, fields, words) for row in sorted(rows, key=lambda row: row.index)]
    return pa.Table.from_pylist(made, schema=score_schema(fields, words))


def scores_in(table: pa.Table) -> list[Scores]:
    """Return what `score_table` wrote."""
    names = table.column_names
    fields = [n.removeprefix("clip_") for n in names if n.startswith("clip_") and n not in COLUMNS]
    words = [n.removeprefix("words_") for n in names if n.startswith("words_")]
    return [
        Scores(
            index=row["index"],
            uid=row["uid"],
            reason=row["reason"],
            clip_alt=row["clip_alt"],
            clip_caption=row["clip_caption"],
            captions={one["text"]: one["cosine"] for one in row["captions"] or ()},
            fields={name: row[f"clip_{name}"] for name in fields if row["reason"] is None},
            words={name: [_read_words(text) for text in row[f"words_{name}"] or ()] for name in words},
            quality=row["quality"],
            tags=None if row["context_tags"] is None else dict(map(_read_tag, row["context_tags"])),
            clip_masked=row["clip_masked"],
            text_printed=row["text_printed"],
            image=image,
            texts=texts,
        )
        for row, image, texts in zip(
            table.drop_columns(["image", "texts"]).to_pylist(),
            _vectors(table.column("image")),
            _texts(table.column("texts")),
            strict=True,
        )
    ]


def _vectors(column: Any) -> list[Vector | None]:
    """Return a column of vectors without making a Python number of each of theirs."""
    return [_vector(one) if one.is_valid else None for one in _each(column)]


def _texts(column: Any) -> list[dict[str, Vector]]:
    return [dict(_of_sample(one.values)) if one.is_valid else {} for one in _each(column)]


def _of_sample(rows: Any) -> Iterator[tuple[str, Vector]]:
    yield from zip(rows.field("text").to_pylist(), map(_vector, rows.field("embedding")), strict=True)


def _each(column: Any) -> Any:
    return column.combine_chunks() if column.num_chunks else ()


def _vector(one: Any) -> Vector:
    vector: Vector = one.values.to_numpy(zero_copy_only=False)
    return vector


def _row(row: Scores, fields: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    return {
        "index": row.index,
        "uid": row.uid,
        "reason": row.reason,
        "clip_alt": row.clip_alt,
        "clip_caption": row.clip_caption,
        "captions": [{"text": text, "cosine": cosine} for text, cosine in row.captions.items()],
        **{f"clip_{name}": row.fields.get(name) for name in fields},
        **{f"words_{name}": [_words(text) for text in row.words.get(name, ())] for name in words},
        "quality": row.quality,
        "context_tags": None if row.tags is None else [_tag(*tag) for tag in row.tags.items()],
        "clip_masked": row.clip_masked,
        "text_printed": row.text_printed,
        "image": row.image,
        "texts": [{"text": text, "embedding": vector} for text, vector in row.texts.items()] or None,
    }


def _tag(attribute: str, value: str) -> dict[str, str]:
    return {"attribute": attribute, "value": value}


def _read_tag(row: Mapping[str, str]) -> tuple[str, str]:
    return row["attribute"], row["value"]


def _words(text: WordScores) -> dict[str, Any]:
    words = [asdict(word) for word in text.words]
    return {"words": words, "cosine": text.cosine, "unread": text.unread}


def _read_words(row: Mapping[str, Any]) -> WordScores:
    words = tuple(WordScore(**word) for word in row["words"])
    return WordScores(words=words, cosine=row["cosine"], unread=row["unread"])
