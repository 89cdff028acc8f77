"""Puts untrusted text into Markdown so that it stays text."""

import re
import unicodedata

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&.:@])")


def escape_markdown(text: str) -> str:
    r"""Return a text on one line whose signs mean nothing in Markdown or HTML, within a heading or a cell.

    Every ASCII sign may be escaped by a backslash (CommonMark 0.31, "Backslash escapes").

    >>> escape_markdown("a_b\n<b>")
    'a\\_b \\<b\\>'
    """
    line = " ".join(text.split())
    printable = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "�" for c in line
    )
    return _SPECIAL.sub(r"\\\1", printable)
