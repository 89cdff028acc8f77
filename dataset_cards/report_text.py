"""Untrusted text for the report: made visible, cut to what room there is, and safe inside the page."""

import html
import json
import unicodedata
from dataclasses import dataclass
from typing import Any

MAX_CHARS = 6000
"""A text is cut after so many characters, however much room there is."""

_JOINERS = frozenset("\u200c\u200d")
"""Needed to write Persian, Indic scripts and emoji, and harmless."""
_SPELLED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MOST_BYTES = 10
"""That a character takes when it is spelled out."""
_IN_SCRIPT = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def visible_text(text: str) -> str:
    r"""Return a text without characters that cannot be seen or that turn the text around them.

    NUL becomes its sign, U+2400, and so do its kin; bidirectional overrides, lone surrogates, private and
    unassigned characters are spelled out. Line breaks stay.

    >>> visible_text("a\0b\u202ec\r\nd")
    'a␀b[U+202E]c\nd'
    """
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(map(_visible, lines))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _SPELLED or character in _JOINERS or character in "\n\t":
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return f"[U+{code:04X}]"


def escape(text: object) -> str:
    """Return a text, or what `str` makes of a value, for HTML: between tags or within quotes.

    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(visible_text(str(text)))


def figure(value: float, form: str = ",.4g") -> str:
    r"""Return a number for people: with a minus sign, which a hyphen is not.

    >>> ascii(figure(-1200)), figure(0.25), figure(3, "+,")
    ("'\\u22121,200'", '0.25', '+3')
    """
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def embed_json(value: Any) -> str:
    r"""Return JSON that no HTML parser takes for anything but text, whatever strings are in it.

    >>> embed_json({"text": "</script>&"})
    '{"text":"\\u003c/script\\u003e\\u0026"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_IN_SCRIPT)


@dataclass(slots=True, kw_only=True)
class Allowance:
    """Bytes for a number of parts that come one after the other: what one leaves, the next may use."""

    left: int
    parts: int

    def share(self) -> int:
        """Return how many bytes the next part may take."""
        return self.left // max(1, self.parts)

    def spend(self, used: int) -> None:
        """Note what a part took."""
        self.left = max(0, self.left - used)
        self.parts -= 1


@dataclass(slots=True, kw_only=True)
class TextRoom:
    """Bytes of JSON that the texts of one sample may take in the page."""

    left: int

    def take(self, text: str, most: int = MAX_CHARS) -> str:
        """Return the text as it is shown, cut where there is no room, saying by how many characters.

        >>> TextRoom(left=100).take("abcdefgh", most=3)
        'abc… (5 more characters)'
        """
        kept = min(len(text), most)
        shown = visible_text(text[:kept])
        if _cost(shown) > self.left:
            kept = min(kept, max(0, self.left) // _MOST_BYTES)
            shown = visible_text(text[:kept])
        self.left -= _cost(shown)
        missing = len(text) - kept
        return f"{shown}… ({missing:,} more characters)" if missing else shown


def _cost(text: str) -> int:
    """Return the bytes of a visible text in `embed_json`."""
    special = sum(map(text.count, '<>&"\\\n\t'))
    return len(text.encode("utf-8", "replace")) + 5 * special + 3
