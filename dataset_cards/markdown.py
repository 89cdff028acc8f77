"""Puts untrusted text into Markdown so that it stays text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&.:@$])")
_NAME = re.compile(r"[A-Za-z0-9_.:/-]+")
_JOINERS = frozenset("\u200c\u200d")
"""Needed to write Persian, Indic scripts and emoji, and harmless."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def escape_markdown(text: str) -> str:
    r"""Return a text on one line whose signs mean nothing in Markdown or HTML, within a heading or a cell.

    Every ASCII sign may be escaped by a backslash (CommonMark 0.31, "Backslash escapes"). What cannot be seen
    or turns the text around it becomes U+FFFD.

    >>> escape_markdown("a_b\n<b>")
    'a\\_b \\<b\\>'
    """
    return _SPECIAL.sub(r"\\\1", _visible(" ".join(text.split())))


def as_code(name: str) -> str:
    r"""Return a name as code, in which no sign needs a backslash; a text that is no name is escaped instead.

    >>> as_code("long_positive"), as_code("a`b")
    ('`long_positive`', 'a\\`b')
    """
    return f"`{name}`" if _NAME.fullmatch(name) else escape_markdown(name)


def cut(text: str, chars: int) -> str:
    """Return at most so many characters of a text, saying where more were.

    >>> cut("abcdef", 3)
    'abc ...'
    """
    return text if len(text) <= chars else f"{text[:chars].rstrip()} ..."


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table and an empty line; cells are Markdown already, and a head that ends in `:` stands right.

    >>> list(table(["a", "n:"], [["x", "1"]]))
    ['| a | n |', '|---|---:|', '| x | 1 |', '']
    """
    yield f"| {' | '.join(head.removesuffix(':') for head in heads)} |"
    yield f"|{'|'.join('---:' if head.endswith(':') else '---' for head in heads)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def fenced(text: str, language: str = "") -> Iterator[str]:
    """Yield a text as a block of code that nothing in it can end, and an empty line.

    A fence ends at one that is as long or longer (CommonMark 0.31, "Fenced code blocks").
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from (_visible(line.rstrip()) for line in text.strip().splitlines())
    yield fence
    yield ""


def _visible(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(c if unicodedata.category(c) not in _UNSEEN or c in _JOINERS else "\ufffd" for c in line)
