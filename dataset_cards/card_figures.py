"""What the card says of all published samples: counted from index.parquet in one pass."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataset_cards.card_words import Vocabulary

COLUMNS = (
    "key",
    "format",
    "width",
    "height",
    "alt_text",
    "caption",
    "language",
    "words",
    "clip_alt",
    "clip_caption",
)
"""Of the index, beside those that count a field's items (`n_FIELD`) or tell of it (`has_FIELD`)."""

ROW_CHARS = 300
SCORE_DECIMALS = 3

Counts = Counter[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sample that the card shows; its texts are not trusted."""

    key: str
    size: str
    alt_text: str
    caption: str


@dataclass(slots=True, kw_only=True)
class Figures:
    """Counts over the index; their size is bounded by the number of different values, not of samples.

    Args:
        count_tokens: how many tokens CLIP makes of a text, about.
        shown: places in the index of the samples whose rows are kept.
        read: places of those whose texts make the vocabularies and the tokens.
    """

    count_tokens: Callable[[str], int]
    shown: frozenset[int] = frozenset()
    read: frozenset[int] = frozenset()
    samples: int = 0
    numbers: dict[str, Counts] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    rows: list[Row] = field(default_factory=list)
    alt_words: Vocabulary = field(default_factory=Vocabulary)
    caption_words: Vocabulary = field(default_factory=Vocabulary)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the next rows of the index."""
        captions, alt_texts = (_texts(batch, name) for name in ("caption", "alt_text"))
        width, height = (_numbers(batch, name) for name in ("width", "height"))
        self._count("words of the alt text", _values(_numbers(batch, "words")))
        self._count("characters of the alt text", Counter(map(len, alt_texts)))
        self._count("words of the caption", Counter(len(text.split()) for text in captions))
        self._count("characters of the caption", Counter(map(len, captions)))
        sides = {"width": width, "height": height, "shorter side": np.minimum(width, height)}
        for name, pixels in sides.items():
            self._count(name, _values(pixels))
        for name in ("clip_alt", "clip_caption"):
            cosines = _numbers(batch, name).astype(np.float64)
            self._count(name, _values(np.round(cosines[~np.isnan(cosines)], SCORE_DECIMALS)))
        self.languages.update(name or "unknown" for name in batch.column("language").to_pylist())
        self.formats.update(map(str, batch.column("format").to_pylist()))
        self._cover(batch)
        for i in range(batch.num_rows):
            self._look(batch, i, alt_texts[i], captions[i])
        self.samples += batch.num_rows

    def _count(self, name: str, counts: Mapping[Any, int]) -> None:
        self.numbers.setdefault(name, Counter()).update(counts)

    def _cover(self, batch: pa.RecordBatch) -> None:
        for column in batch.schema.names:
            kind, _, name = column.partition("_")
            if kind in ("n", "has"):
                values = _numbers(batch, column)
                self.items[name] += int(values.sum())
                self.covered[name] += int((values > 0).sum())

    def _look(self, batch: pa.RecordBatch, i: int, alt_text: str, caption: str) -> None:
        place = self.samples + i
        if place in self.read:
            self.alt_words.add(place, alt_text)
            self.caption_words.add(place, caption)
            self._count("tokens of the caption", {self.count_tokens(caption): 1})
        if place in self.shown:
            size = f"{batch.column('width')[i]} x {batch.column('height')[i]}"
            key = str(batch.column("key")[i])
            self.rows.append(Row(key=key, size=size, alt_text=alt_text, caption=caption))


def quantile(counts: Mapping[float, int], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank).

    >>> quantile({1: 5, 2: 4, 9: 1}, 0.5), quantile({1: 5, 2: 4, 9: 1}, 0.95)
    (1, 9)
    """
    rank = share * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    raise ValueError("no values; ask only where there are some")


def _texts(batch: pa.RecordBatch, name: str) -> list[str]:
    return [text or "" for text in batch.column(name).to_pylist()]


def _numbers(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False))


def _values(numbers: NDArray[Any]) -> dict[float, int]:
    values, counts = np.unique(numbers, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
