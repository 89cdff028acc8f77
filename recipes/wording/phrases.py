"""Tags: the noun phrases of a text, by a chunker of closed word classes.

A chunk is a run of words between function words, verbs, numbers and punctuation, with its head last, as in
English noun phrases; no tagger is used. A long chunk keeps its last three
words. What a negation governs is left out.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from recipes.wording.english import FUNCTION_WORDS, ING_NOUNS, VERBS, is_negation
from recipes.wording.lexicon import LEXICON
from recipes.wording.tokens import Token
from recipes.wording.words import word_set

MAX_TAGS = 12
MAX_TAG_CHARS = 48
_MAX_WORDS = 3
_ATTRIBUTES = frozenset(
    w
    for w, e in LEXICON.items()
    if e.attribute in ("colour", "size", "age", "material", "weather", "expression", "pattern")
) | word_set(
    """
    different various several new free best great good nice beautiful cute cool amazing custom modern
    elegant photo photos picture pictures image images view closeup close-up best-selling top-quality shot
    """
)


def find_tags(text: str, tokens: Sequence[Token]) -> list[str]:
    """Return up to 12 tags in lower case, in the order of the text, each once.

    A phrase whose head is a noun of the lexicon is followed by the head alone.
    """
    tags: dict[str, None] = {}
    for chunk in _chunks(text, tokens):
        head = chunk[-1].lower
        tag = text[chunk[0].start : chunk[-1].end].lower() if len(chunk) > 1 else head
        if len(tag) > MAX_TAG_CHARS or head in _ATTRIBUTES:
            continue
        tags[tag] = None
        if len(chunk) > 1 and head in LEXICON:
            tags[head] = None
    return list(tags)[:MAX_TAGS]


def _chunks(text: str, tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    chunk: list[Token] = []
    negated = False
    for token in tokens:
        outside = _is_outside(token.lower)
        if chunk and (outside or text[chunk[-1].end : token.start] != " "):
            if not negated:
                yield chunk[-_MAX_WORDS:]
            chunk, negated = [], False
        if not outside:
            chunk.append(token)
        elif is_negation(token.lower):
            negated = True
    if chunk and not negated:
        yield chunk[-_MAX_WORDS:]


@lru_cache(8192)
def _is_outside(word: str) -> bool:
    if word in FUNCTION_WORDS or word in VERBS or is_negation(word):
        return True
    if word.endswith("ing") and len(word) > 4 and word not in ING_NOUNS:
        return True
    if not word.isalpha():
        return not word[0].isalpha() or any(map(str.isdigit, word)) or "_" in word or _is_contraction(word)
    return len(word) < 2


def _is_contraction(word: str) -> bool:
    return ("'" in word or "\u2019" in word) and not word.endswith(("'s", "\u2019s"))
