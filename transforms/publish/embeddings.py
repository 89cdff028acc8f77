"""The embeddings of published samples, beside their shard: what a trainer can distil from."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from recipes.clip_tokens import cut_to_fit
from transforms.publish.caption import choose_caption
from transforms.scoring.edit import written_fields
from transforms.scoring.score_table import Vector
from transforms.scoring.scored import Judged

EMBEDDINGS_SCHEMA = pa.schema(
    [
        ("uid", pa.string()),
        ("image", pa.list_(pa.float16())),
        ("alt_text", pa.list_(pa.float16())),
        ("caption", pa.list_(pa.float16())),
    ]
)
"""Unit vectors of `score.clip`; zeros for a text in which there is nothing to read."""


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
