"""The card's section on the tables beside the shards: embeddings and mined negatives."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards.markdown import fenced, table

_EMBEDDINGS = "embeddings/NNNNN.parquet"
_MINED = "mined_negatives.parquet"

_COLUMNS = {
    _EMBEDDINGS: (
        ("uid", "string", "the samples of `shards/NNNNN.tar`, in their order"),
        ("image", "list of float16", "the picture's embedding, of unit length"),
        (
            "alt_text",
            "list of float16",
            "the alt text's, cut to 77 tokens; zeros where nothing is to read",
        ),
        ("caption", "list of float16", "the caption's; likewise"),
    ),
    _MINED: (
        ("uid", "string", "the sample"),
        ("rank", "int32", "0 for the hardest of its negatives"),
        ("text_uid", "string", "the sample whose caption the text is"),
        ("text", "string", "a text that is likely false of the picture"),
        ("cosine", "float32", "of picture and text"),
    ),
}
_READING = {
    _EMBEDDINGS: 'vectors = pd.read_parquet("embeddings/00000.parquet")  # rows as in shards/00000.tar',
    _MINED: 'negatives = pd.read_parquet("mined_negatives.parquet").groupby("uid")["text"].agg(list)',
}


def beside(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on what is published beside the shards; nothing where there are only these."""
    told = run["config"].get("score") or {}
    there = [_EMBEDDINGS] * bool(told.get("embeddings")) + [_MINED] * (told.get("hard_negatives") is not None)
    if not there or not run["counts"]["published"]:
        return
    yield "## Tables beside the shards"
    yield ""
    rows = (
        (f"`{name}`", f"`{column}`", kind, what) for name in there for column, kind, what in _COLUMNS[name]
    )
    yield from table(("file", "column", "type", "holds"), rows)
    if _EMBEDDINGS in there:
        yield (
            "The embeddings are those of the CLIP that scored the texts; `losses.distill` of Pairwright's "
            "trainer reads them (MobileCLIP, arXiv 2311.17049)."
        )
        yield ""
    if _MINED in there:
        yield (
            "The negatives are captions of other samples that the CLIP finds near to the picture (UniME, "
            "arXiv 2504.17432). One that is much nearer than the own caption is likely true as well, and is "
            "left out; whether the others are false nobody has looked."
        )
        yield ""
    yield from fenced("\n".join(["import pandas as pd", "", *(_READING[name] for name in there)]), "python")
