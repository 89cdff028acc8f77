"""Noun phrases of a sample's texts: what an open-vocabulary detector is asked to find.

After the phrases of CLOC's VESL (Chen et al. 2024, arXiv 2410.02746): lower case, words of the web left out,
optional article, adjectives and nouns. Where CLOC keeps the first 20, they are sampled here, so that the end
of a long caption is not left out.
"""

from collections.abc import Sequence
from hashlib import blake2b

from recipes.sentences import sentences
from recipes.wording.chunk_words import ARTICLES, COLOUR_NAMES, HOLLOW
from recipes.wording.chunks import noun_phrases
from recipes.wording.clean import clean

MAX_PHRASES = 20
"""Of an image; CLOC's."""

MAX_PHRASE_CHARS = 64
_MAX_READ = 8_000
_ASCII_SHARE = 0.8


def find_phrases(texts: Sequence[str], uid: str, *, limit: int = MAX_PHRASES) -> list[str]:
    """Return up to `limit` noun phrases, each once, in the order of the texts.

    Two phrases that differ in their article alone are one; the first spelling is kept. More than `limit` are
    sampled without bias to their place, the same for the same uid. English only: a text whose letters are
    under 80 % ASCII has none, and a caller who knows the language leaves other texts out.

    >>> find_phrases(["Stock photo: a red fox in the snow", "The red fox!"], "uid")
    ['a red fox', 'the snow']
    """
    found: dict[str, str] = {}
    for text in texts:
        for sentence in sentences(text[:_MAX_READ]):
            for words in noun_phrases(clean(sentence)) if _is_ascii(sentence) else ():
                bare = words[1:] if words[0] in ARTICLES else words
                if not _is_hollow(bare) and len(phrase := " ".join(words)) <= MAX_PHRASE_CHARS:
                    found.setdefault(" ".join(bare), phrase)
    drawn = set(sorted(found, key=lambda bare: _rank(uid, bare))[:limit])
    return [phrase for bare, phrase in found.items() if bare in drawn]


def _is_ascii(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return sum(char.isascii() and char.isalpha() for char in text) >= _ASCII_SHARE * letters


def _is_hollow(words: Sequence[str]) -> bool:
    return all(word in HOLLOW for word in words) or all(word in COLOUR_NAMES for word in words)


def _rank(uid: str, phrase: str) -> bytes:
    key = f"phrase\0{uid}\0{phrase}".encode("utf-8", "surrogatepass")
    return blake2b(key, digest_size=8).digest()
