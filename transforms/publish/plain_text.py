"""Makes untrusted text safe to print on a terminal."""

import unicodedata
from collections.abc import Iterator

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
"""Needed to write Persian, Indic scripts and emoji, and harmless."""


def plain_text(text: str) -> str:
    r"""Return a text on one line, whitespace as single spaces and control characters spelled out.

    Escapes, bidirectional overrides, lone surrogates and unassigned characters become `\x1b`, `\u202e`, ...

    >>> plain_text("red\x1b[31m\n\tcar")
    'red\\x1b[31m car'
    """
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(map(_plain_character, line))


def column_width(character: str) -> int:
    """Return how many columns of a terminal a character takes: 2 for wide ones of East Asia, 0 for marks."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap_columns(text: str, columns: int, max_lines: int) -> Iterator[str]:
    """Yield a plain text in lines of at most `columns`, broken at spaces where there are any.

    What is over `max_lines` is left out, and the last line then ends in `...`.
    """
    rest = text
    for number in range(1, max_lines + 1):
        line, rest = _break(rest, columns)
        if rest and number == max_lines:
            line = f"{_break(line, columns - 4)[0]} ..."
        yield line
        if not rest:
            return


def _break(text: str, columns: int) -> tuple[str, str]:
    used = 0
    for i, character in enumerate(text):
        used += column_width(character)
        if used > columns:
            space = text.rfind(" ", 0, i + 1)
            cut = space if space > 0 else max(i, 1)
            return text[:cut].rstrip(), text[cut:].lstrip()
    return text, ""


def _plain_character(character: str) -> str:
    if unicodedata.category(character) in _UNSAFE and character not in _JOINERS:
        return ascii(character)[1:-1]
    return character
