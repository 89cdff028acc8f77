"""What a sample says of itself in text and JSON, from bytes that nobody vouches for."""

import codecs
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import charset_normalizer

MAX_TEXT = 2**20
"""Bytes of a text that are read."""
MAX_JSON = 4 * 2**20
"""Bytes of a JSON that is parsed; as Python objects it may take fifty times as many."""
DAMAGED_UTF8 = "damaged-utf-8"
"""What `decode_text` calls UTF-8 of which some bytes had to be left out."""
_GUESS_BYTES = 64 * 1024
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_WESTERN = re.compile("[\x00-\x7f\xa0-\xff\u0152\u0153\u0178\u20ac\u2013\u2014\u2018-\u201e\u2026\u2122]*")
_FEW_ACCENTED = 1 / 4
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # of a terminal (ECMA-48)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_MAX_UID = 256
_MAX_URL = 8192
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def clean_text(text: str) -> str:
    """Return the text without control characters and lone surrogates, its white space as single spaces."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    return " ".join(text.split())


def decode_text(data: bytes, *, is_cut: bool = False) -> tuple[str, str | None] | None:
    """Return the text in bytes, and the encoding where it had to be guessed; None where none fits.

    `is_cut` says that the bytes are the head of a longer text, so that the last character may be torn.
    """
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        return _decode(data, encoding, is_cut), None
    except UnicodeDecodeError:
        damaged = _nearly_utf8(data)
    if damaged is not None:
        return damaged, DAMAGED_UTF8
    guessed = _guess(data[:_GUESS_BYTES])
    if guessed is None:
        return None
    try:
        return _decode(data, guessed, is_cut), guessed
    except UnicodeDecodeError:
        return None


def _nearly_utf8(data: bytes) -> str | None:
    """Return the text of UTF-8 that was cut within a character, has a stray byte, or spells characters beyond
    the basic plane as two (CESU-8); None where more than a third of what is not ASCII is no UTF-8.
    """
    with suppress(UnicodeDecodeError):
        halves = data.decode("utf-8", "surrogatepass")
        return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    kept = data.decode("utf-8", "ignore")
    good = sum(not letter.isascii() for letter in kept)
    bad = data.decode("utf-8", "replace").count("\ufffd") - kept.count("\ufffd")
    return kept if good >= 2 * bad else None


def _guess(data: bytes) -> str | None:
    """Return the likely encoding of what is no UTF-8.

    A text of a few accented letters among ASCII is taken for windows-1252, the web's own fallback (WHATWG
    Encoding Standard): it is too short to be told from other Latin encodings by statistics.
    """
    with suppress(UnicodeDecodeError):
        western = data.decode("cp1252")
        letters = [letter.isascii() for letter in western if letter.isalpha()]
        if _WESTERN.fullmatch(western) and letters.count(False) <= _FEW_ACCENTED * len(letters):
            return "cp1252"
    best = charset_normalizer.from_bytes(data).best()
    return None if best is None else best.encoding


def _decode(data: bytes, encoding: str, is_cut: bool) -> str:
    if is_cut:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    return data.decode(encoding)


def parse_json(data: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object in UTF-8 bytes, its strings free of lone surrogates; None where none is."""
    if len(data) > MAX_JSON:
        return None
    try:
        return parse_json_text(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def parse_json_text(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a text, as `parse_json` does."""
    if len(text) > MAX_JSON:
        return None
    try:
        value = json.loads(text)
        if r"\ud" in text or r"\uD" in text:
            # Escapes can name half a character, which no file can hold.
            halves = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
            value = json.loads(halves.decode("utf-16-le", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def uid_and_url(fields: Mapping[str, Any]) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the sample's own uid and URL, where they are fit to be used, and what was ignored."""
    uid, url = fields.get("uid"), fields.get("url")
    if isinstance(uid, int) and not isinstance(uid, bool) and abs(uid) < 10**_MAX_UID:
        uid = str(uid)
    fit_uid, fit_url = _fit(uid, _MAX_UID), _fit(url, _MAX_URL)
    ignored: tuple[str, ...] = ("uid_ignored",) if uid is not None and fit_uid is None else ()
    ignored += ("url_ignored",) if url is not None and fit_url is None else ()
    return fit_uid, fit_url, ignored


def _fit(value: object, limit: int) -> str | None:
    is_fit = isinstance(value, str) and 0 < len(value) <= limit and not _UNFIT.search(value)
    return value if isinstance(value, str) and is_fit else None
