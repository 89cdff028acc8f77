"""The one text of a sample that a stock trainer reads: `KEY.txt`, at most 77 tokens of CLIP."""

from collections.abc import Mapping
from typing import Any

from recipes.clip_tokens import cut_to_fit

TEXTS = ("compressed", "fused", "recaption", "english")
"""Fields of one text that can be the caption, best first: `compressed` is one of the next two, made to fit;
`fused` has the names and `recaption` has not; CLIP reads no `chinese`."""


def choose_caption(fields: Mapping[str, Any], alt_text: str) -> str:
    """Return the text to train on: the best positive there is, cut to fit.

    The first that is not blank of: the first sentence of `long_positive` (written to be short), then what
    `TEXTS` names, then the alt text. Cuts are those of `recipes.clip_tokens.cut_to_fit`.

    Args:
        fields: all of `schemas.annotation.FIELDS`, as they stand in a record.
        alt_text: of the same sample.
    """
    positives = (*fields["long_positive"], *(fields[name] for name in TEXTS))
    return cut_to_fit(next((text for text in positives if text and text.strip()), alt_text))
