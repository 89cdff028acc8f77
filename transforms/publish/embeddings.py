"""The embeddings of published samples, beside their shard: what a trainer can distil from."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from recipes.clip_tokens import cut_to_fit
from transforms.publish.caption import choose_caption
from transforms.scoring.edit import written_fields
from transforms.scoring.score_table import Vector
from transforms.scoring.scored import Judged
from transforms.storage import commit_table, read_bytes

EMBEDDINGS_SCHEMA = pa.schema(
    [
        ("uid", pa.string()),
        ("image", pa.list_(pa.float16())),
        ("alt_text", pa.list_(pa.float16())),
        ("caption", pa.list_(pa.float16())),
    ]
)
"""Unit vectors of `score.clip`; zeros for a text in which there is nothing to read."""

EMBEDDINGS_BYTES = "embeddings_bytes"
EMBEDDINGS_SHA256 = "embeddings_sha256"
"""Metadata of a shard's rows of the index: the size and the hash of its table of embeddings."""


def write_embeddings(samples: Iterable[Judged], path: str) -> dict[bytes, bytes]:
    """Commit the embeddings of samples, in order; return what is noted of the table."""
    commit_table(path, embeddings_table(samples))
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    return {EMBEDDINGS_BYTES.encode(): b"%d" % len(data), EMBEDDINGS_SHA256.encode(): sha256.encode()}


def embeddings_table(samples: Iterable[Judged]) -> pa.Table:
    """Return the embeddings of samples whose scores were kept with them, in order."""
    rows = []
    for sample in samples:
        image, texts = sample.scores.image, sample.scores.texts
        assert image is not None, "the scores were made without embeddings"
        alt_text = sample.facts.alt_text
        caption = choose_caption(written_fields(sample.annotations), alt_text)
        rows.append(
            {
                "uid": sample.facts.uid,
                "image": image,
                "alt_text": texts.get(cut_to_fit(alt_text), _nothing(image)),
                "caption": texts.get(caption, _nothing(image)),
            }
        )
    return pa.Table.from_pylist(rows, schema=EMBEDDINGS_SCHEMA)


def _nothing(image: Vector) -> Vector:
    return np.zeros_like(image)
