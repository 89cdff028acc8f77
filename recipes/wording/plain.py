"""What a sentence says, whichever of two words for the same thing it uses."""

import re
from collections.abc import Sequence

from recipes.hygiene import words_of
from recipes.wording.synonyms import SYNONYMS
from recipes.wording.words import word_set

_ARTICLES = word_set("a an the")


def _joined(words: Sequence[str]) -> str:
    return " ".join(word for word in words if word not in _ARTICLES)


_OTHER = {_joined(words_of(one)): _joined(words_of(other)) for one, other in SYNONYMS.items()}
_PHRASE = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _OTHER), key=len, reverse=True))})\b")


def plain(words: Sequence[str]) -> str:
    """Return case-folded words without articles, one word for each group of `SYNONYMS`.

    >>> plain("the dog lies on a big couch".split()) == plain("a dog lies on the large sofa".split())
    True
    """
    return _PHRASE.sub(_one, _joined(words))


def _one(found: re.Match[str]) -> str:
    phrase, other = found[0], _OTHER[found[0]]
    return min(phrase, other) if _OTHER.get(other) == phrase else _PHRASE.sub(_one, other)
