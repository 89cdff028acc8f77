"""Other words for the same things, and fewer of them."""

import re
from collections.abc import Sequence
from itertools import pairwise

from recipes.wording.english import FUNCTION_WORDS
from recipes.wording.fixed import FIXED_PAIRS
from recipes.wording.synonyms import PRAISE, SYNONYM_WORDS, SYNONYMS
from recipes.wording.tokens import Token, article_for, gap, match_case, starts_sentence

_ARTICLE = re.compile(r"(?:^|(?<=\s))([Aa])n?\s$")


def other_words(text: str, tokens: Sequence[Token]) -> str:
    """Return the text with other words of the same meaning; names and fixed pairs stay."""
    parts: list[str] = []
    end = done = 0
    for index, first in enumerate(tokens):
        if index < done or first.lower not in SYNONYM_WORDS:
            continue
        size = _synonym_words(text, tokens, index)
        done = index + size
        if not size or (first.text[0].isupper() and not starts_sentence(text, first)):
            continue
        last = tokens[done - 1]
        if _is_fixed(tokens, index, done - 1):
            continue
        new = match_case(SYNONYMS[text[first.start : last.end].lower()], text[first.start : last.end])
        parts.append(_with_article(text[end : first.start], new))
        parts.append(new)
        end = last.end
    return "".join([*parts, text[end:]])


def _synonym_words(text: str, tokens: Sequence[Token], index: int) -> int:
    for size in range(min(SYNONYM_WORDS[tokens[index].lower], len(tokens) - index), 0, -1):
        if text[tokens[index].start : tokens[index + size - 1].end].lower() in SYNONYMS:
            return size
    return 0


def _is_fixed(tokens: Sequence[Token], first: int, last: int) -> bool:
    before = f"{tokens[first - 1].lower} {tokens[first].lower}" if first else ""
    after = f"{tokens[last].lower} {tokens[last + 1].lower}" if last + 1 < len(tokens) else ""
    return before in FIXED_PAIRS or after in FIXED_PAIRS


def _with_article(before: str, word: str) -> str:
    """Return what stands before a word, its article mended."""
    match = _ARTICLE.search(before)
    if match is None:
        return before
    return before[: match.start()] + match[1] + article_for(word.lower())[1:] + " "


def drop_praise(text: str, tokens: Sequence[Token]) -> str:
    """Return the text without lower-case words of praise that stand before a noun."""
    parts: list[str] = []
    end = 0
    for token, following in pairwise(tokens):
        if token.text not in PRAISE or following.lower in FUNCTION_WORDS:
            continue
        if gap(text, token, following) == " ":
            parts.append(_with_article(text[end : token.start], following.lower))
            end = following.start
    return "".join([*parts, text[end:]])
