"""Noun phrases of an English sentence: article? adjectives* nouns+, by closed word classes.

No tagger is asked. A word is what its class in `chunk_words`, its ending and its neighbours make it; what no
rule knows is a noun. What a negation governs is left out.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache

from recipes.wording.chunk_words import (
    ADJECTIVES,
    ADVERBS,
    AFTER_VERB,
    ARTICLES,
    COMPOUND_HEADS,
    CONTRACTIONS,
    DUAL,
    ING_PAIRS,
    MAIN_VERBS,
    NAMES_IN_ING,
    NO_ADVERBS,
    NO_PARTICIPLES,
    PARTICIPLES,
    PLACES,
    PLURALS,
    WEB_WORDS,
)
from recipes.wording.english import FUNCTION_WORDS, ING_NOUNS, is_negation
from recipes.wording.tokens import Token, gap, is_title_case, tokenise

MAX_WORDS = 6
"""Of a phrase besides its article; a longer one keeps its last words, among them the head."""


class _Kind(Enum):
    ARTICLE = 0
    ADJECTIVE = 1
    NOUN = 2
    ING = 3
    PARTICIPLE = 4
    PLACE = 5
    DUAL = 6
    OUTSIDE = 7


_OPEN = frozenset({_Kind.ADJECTIVE, _Kind.NOUN, _Kind.DUAL, _Kind.PLACE, _Kind.ING, _Kind.PARTICIPLE})
_Word = tuple[Token, _Kind]


def noun_phrases(sentence: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each noun phrase, in lower case and in the order of the sentence.

    >>> list(noun_phrases("A small brown dog is chasing the big, red ball."))
    [('a', 'small', 'brown', 'dog'), ('the', 'big', 'red', 'ball')]
    """
    tokens = tokenise(sentence)
    kinds = [_kind(token.lower) for token in tokens]
    titled = is_title_case(tokens)
    chunk: list[_Word] = []
    negated = False
    for i, token in enumerate(tokens):
        if chunk and _breaks(gap(sentence, tokens[i - 1], token), chunk, kinds[i]):
            yield from _phrase(chunk, negated)
            chunk, negated = [], False
        follows = i + 1 < len(tokens) and gap(sentence, token, tokens[i + 1]) == " "
        after = tokens[i + 1] if follows else None
        kind = _in_place(token.lower, kinds[i], chunk, after, titled)
        if kind in (_Kind.ARTICLE, _Kind.OUTSIDE):
            if any(k is _Kind.NOUN for _, k in chunk):
                yield from _phrase(chunk, negated)
                negated = False
            chunk = []
            negated = negated or is_negation(token.lower)
        if kind is not _Kind.OUTSIDE:
            chunk.append((token, kind))
    yield from _phrase(chunk, negated)


@lru_cache(16384)
def _kind(word: str) -> _Kind:
    """Return the class of a lower-case word, wherever it stands."""
    if word in ARTICLES:
        return _Kind.ARTICLE
    if word in PLACES:
        return _Kind.PLACE
    if word in FUNCTION_WORDS or word in ADVERBS or word in WEB_WORDS:
        return _Kind.OUTSIDE
    if is_negation(word) or _is_no_word(word):
        return _Kind.OUTSIDE
    if word in PARTICIPLES:
        return _Kind.PARTICIPLE
    if word in DUAL:
        return _Kind.DUAL
    if word.endswith("ing") and len(word) > 4:
        return _Kind.NOUN if word in ING_NOUNS or word in NAMES_IN_ING else _Kind.ING
    if word in ADJECTIVES or word.endswith(("ous", "less")):
        return _Kind.ADJECTIVE
    if word in MAIN_VERBS:
        return _Kind.PARTICIPLE if word.endswith("ed") else _Kind.OUTSIDE
    if word.endswith("ed") and len(word) > 4 and word not in NO_PARTICIPLES:
        return _Kind.PARTICIPLE
    if word.endswith("ly") and len(word) > 4 and word not in NO_ADVERBS:
        return _Kind.OUTSIDE
    return _Kind.NOUN


def _is_no_word(word: str) -> bool:
    if word.isalpha():
        return len(word) < 2
    if not word[0].isalpha() or "_" in word or any(map(str.isdigit, word)):
        return True
    word = word.replace("\u2019", "'")
    return "'" in word and (not word.endswith("'s") or word in CONTRACTIONS)


def _breaks(between: str, chunk: Sequence[_Word], kind: _Kind) -> bool:
    """Return whether what lies before a word ends the chunk; a comma between adjectives does not."""
    if between == " ":
        return False
    adjectives = [k is _Kind.ADJECTIVE for _, k in chunk if k is not _Kind.ARTICLE]
    return not (between == ", " and adjectives and all(adjectives) and kind is _Kind.ADJECTIVE)


def _in_place(word: str, kind: _Kind, chunk: Sequence[_Word], after: Token | None, titled: bool) -> _Kind:
    """Return what a word is where it stands: article, adjective, noun or outside."""
    has_noun = any(k is _Kind.NOUN for _, k in chunk)
    next_word = after.lower if after else ""
    next_open = after is not None and _kind(next_word) in _OPEN
    if chunk and f"{chunk[-1][0].lower} {word}" in COMPOUND_HEADS:
        return _Kind.NOUN
    if kind is _Kind.ING:
        if f"{word}-{next_word}" in ING_PAIRS or f"{word}-{next_word.removesuffix('s')}" in ING_PAIRS:
            return _Kind.NOUN
        return _Kind.ADJECTIVE if next_open and chunk and not has_noun else _Kind.OUTSIDE
    if kind is _Kind.PARTICIPLE:
        return _Kind.ADJECTIVE if next_open else _Kind.OUTSIDE
    if kind is _Kind.PLACE:
        return _Kind.ADJECTIVE if next_open else _Kind.OUTSIDE
    if kind is _Kind.DUAL:
        return _Kind.OUTSIDE if not titled and _is_verb(word, chunk, next_word) else _Kind.NOUN
    if kind is _Kind.NOUN and has_noun and not titled and next_word in ARTICLES:
        return _Kind.OUTSIDE  # `a dog tosses a ball`: two nouns and no comma before an article are seldom two
    return kind


def _is_verb(word: str, chunk: Sequence[_Word], next_word: str) -> bool:
    """Return whether a word that may be a verb agrees with the chunk before it as one."""
    nouns = [token.lower for token, kind in chunk if kind is _Kind.NOUN]
    if not nouns:
        return not chunk and not _is_plural(word) and next_word in AFTER_VERB  # `and run along`
    if _is_plural(nouns[-1]) or not _is_plural(word):
        return _is_plural(nouns[-1]) and not _is_plural(word)  # `people play`; not `a baseball bat`
    first = chunk[0][0].lower
    return first in ("a", "an") or (first == "the" and next_word in AFTER_VERB)


def _is_plural(word: str) -> bool:
    return word in PLURALS or (word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")))


def _phrase(chunk: Sequence[_Word], negated: bool) -> Iterator[tuple[str, ...]]:
    """Yield the chunk up to its last noun, if it has one and is not negated."""
    words = list(chunk)
    while words and words[-1][1] is not _Kind.NOUN:
        words.pop()
    if not words or negated:
        return
    article = [words.pop(0)[0].lower] if words[0][1] is _Kind.ARTICLE else []
    if len(words) > MAX_WORDS:
        article = []
    yield (*article, *(token.lower for token, _ in words[-MAX_WORDS:]))
