"""Measure an alt text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from recipes.identify import detect_language
from transforms.text_patterns import has_html, has_url, is_file_name

PATTERN_CHARS = 20_000
"""HTML, addresses and repetition are looked for in this much of the text, to bound time and memory."""

_NGRAM = 4
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFacts:
    """What was measured of a text; the fields are those of `schemas.facts.Facts`."""

    words: int
    chars: int
    language: str | None
    language_probability: float
    has_html: bool
    has_url: bool
    is_file_name: bool
    repetition: float


def measure_text(text: str) -> TextFacts:
    """Measure a text of any length and content."""
    head = text[:PATTERN_CHARS]
    words = head.split()
    language, probability = detect_language(text)
    return TextFacts(
        words=len(words) if len(head) == len(text) else sum(1 for _ in _WORD.finditer(text)),
        chars=len(text),
        language=language,
        language_probability=probability,
        has_html=has_html(head),
        has_url=has_url(head),
        is_file_name=is_file_name(text),
        repetition=_repetition(words),
    )


def _repetition(words: list[str]) -> float:
    total = len(words) - _NGRAM + 1
    if total < 1:
        return 0.0
    return 1 - len(set(_ngrams(words))) / total


def _ngrams(words: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(_NGRAM)), strict=False)
