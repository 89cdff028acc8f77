"""Other words for the same things, and fewer of them."""

import re
from collections.abc import Sequence
from itertools import pairwise

from recipes.wording.english import FUNCTION_WORDS
from recipes.wording.fixed import FIXED_PAIRS
from recipes.wording.synonyms import PRAISE, SYNONYM_STARTS, SYNONYMS
from recipes.wording.tokens import Token, article_for, gap, match_case, starts_sentence

_MAX_PHRASE_WORDS = 3
_ARTICLE = re.compile(r"(?:^|(?<=\s))([Aa])n?\s$")


def other_words(text: str, tokens: Sequence[Token]) -> str:
    """Return the text with other words of the same meaning; names and fixed pairs stay."""
    parts: list[str] = []
    end = index = 0
    while index < len(tokens):
        size = _synonym_words(text, tokens, index)
        first, last = tokens[index], tokens[max(index + size - 1, index)]
        index += max(size, 1)
        if not size or (first.text[0].isupper() and not starts_sentence(text, first)):
            continue
        if _is_fixed(text, tokens, index - size, index - 1):
            continue
        new = match_case(SYNONYMS[text[first.start : last.end].lower()], text[first.start : last.end])
        parts.append(_with_article(text[end : first.start], new))
        parts.append(new)
        end = last.end
    return "".join([*parts, text[end:]])


def _synonym_words(text: str, tokens: Sequence[Token], index: int) -> int:
    if tokens[index].lower in SYNONYM_STARTS:
        for size in range(min(_MAX_PHRASE_WORDS, len(tokens) - index), 0, -1):
            if text[tokens[index].start : tokens[index + size - 1].end].lower() in SYNONYMS:
                return size
    return 0


def _is_fixed(text: str, tokens: Sequence[Token], first: int, last: int) -> bool:
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
