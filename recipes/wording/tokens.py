"""Words and numbers of a text, with their places."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

# What begins with a digit is one token with its units and separators: `10,400`, `2x`, `4K`, `12:30`.
_TOKEN = re.compile(r"\d[\w.,:/\u00d7-]*\w|\w+(?:['\u2019-]\w+)*")
_STARTS_AFTER = frozenset('.!?:|\u2013\u2014-("\u201c\u00ab/')
_VOWELS = ("a", "e", "i", "o", "u")
_TITLE_SHARE = 0.8


class Token(NamedTuple):
    """A word or number, its place, and the word in lower case."""

    start: int
    end: int
    text: str
    lower: str


@lru_cache(1024)
def tokenise(text: str) -> tuple[Token, ...]:
    """Return the words and numbers of a text, in order; a sample's texts are asked for again and again."""
    new = tuple.__new__  # `Token(...)` goes through a Python function, half the time of this one
    return tuple(
        [new(Token, (m.start(), m.end(), word := m[0], word.lower())) for m in _TOKEN.finditer(text)]
    )


def is_title_case(tokens: Sequence[Token]) -> bool:
    """Return whether most long words after the first are capitalised, so that capitals mark no names."""
    long = [token.text[0].isupper() for token in tokens[1:] if len(token.text) > 3]
    return bool(long) and sum(long) >= _TITLE_SHARE * len(long)


def starts_sentence(text: str, token: Token) -> bool:
    """Return whether a capital here is one of position."""
    before = text[: token.start].rstrip()
    return not before or before[-1] in _STARTS_AFTER


def gap(text: str, left: Token, right: Token) -> str:
    """Return what lies between two neighbouring tokens."""
    return text[left.end : right.start]


def match_case(new: str, old: str) -> str:
    """Return `new` capitalised as `old` is.

    >>> match_case("living room", "Kitchen"), match_case("cat", "DOG"), match_case("bus", "hot dog")
    ('Living room', 'CAT', 'bus')
    >>> match_case("fire hydrant", "Traffic Light")
    'Fire Hydrant'
    """
    if len(old) > 1 and old.isupper():
        return new.upper()
    if not old[0].isupper():
        return new
    if " " in old and old.istitle():
        return " ".join(word.capitalize() for word in new.split())
    return new[0].upper() + new[1:]


def article_for(word: str) -> str:
    """Return `a` or `an` for an English word of the lexicons.

    >>> article_for("orange"), article_for("unicorn"), article_for("van")
    ('an', 'a', 'a')
    """
    return "an" if word.startswith(_VOWELS) and not word.startswith(("uni", "eu", "one")) else "a"
