"""What a text says, as the stems of its words: enough to compare two texts without a model."""

import re
from collections.abc import Iterable
from functools import lru_cache

from recipes.hygiene import words_of
from recipes.wording.english import FUNCTION_WORDS, is_negation

_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_MIN_STEM = 3
_VOWEL = re.compile("[aeiouy]")


@lru_cache(8192)
def stem(word: str) -> str:
    """Return a lower-case English word without its ending; rules after Porter (1980), step 1, and no more.

    >>> [stem(word) for word in ("dogs", "running", "parked", "puppies", "glass", "red", "grasses")]
    ['dog', 'run', 'park', 'puppi', 'glass', 'red', 'grass']
    """
    word = word.replace("\u2019", "'").removesuffix("'s")
    if word.endswith(("sses", "shes", "ches", "xes")) or (word.endswith("ies") and len(word) > 4):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _MIN_STEM:
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= _MIN_STEM and _VOWEL.search(rest):
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz"
            word = rest[:-1] if doubled else rest
            break
    if len(word) > _MIN_STEM:
        word = word.removesuffix("e")
    return word[:-1] + "i" if len(word) > _MIN_STEM and word.endswith("y") else word


def content(text: str) -> frozenset[str]:
    """Return the stems of the words that say something; of Chinese and Japanese, the pairs of characters.

    >>> sorted(content("The dogs are running in a park.")), sorted(content("\u4e00\u53ea\u72d7"))
    (['dog', 'park', 'run'], ['\u4e00\u53ea', '\u53ea\u72d7'])
    """
    return frozenset(_content(text))


def _content(text: str) -> Iterable[str]:
    for run in _IDEOGRAPHS.findall(text):
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
    for word in words_of(_IDEOGRAPHS.sub(" ", text)):
        if is_negation(word) or word not in FUNCTION_WORDS:
            yield stem(word)


def share_in(said: frozenset[str], source: frozenset[str]) -> float:
    """Return the share of what is said that a source says too, 0..1; 1 where nothing is said."""
    return len(said & source) / len(said) if said else 1.0
