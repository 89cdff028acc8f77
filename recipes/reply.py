"""Hand-written checks on replies, shared by the recipes that ask for JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from recipes.base import BadReply

MAX_REPLY_CHARS = 65_536
_SHOWN_CHARS = 120
_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*\Z", re.DOTALL | re.IGNORECASE)
_NOT_PRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def reject(problem: str) -> NoReturn:
    """Raise `BadReply` with the problem, cut to a length that fits a table."""
    raise BadReply("bad_reply", _NOT_PRINTED.sub("?", problem[:_SHOWN_CHARS]))


def quote_data(text: str, max_chars: int = 2_000) -> str:
    """Return untrusted text as one line of JSON: it cannot close its quotes, and it always encodes."""
    encodable = text[:max_chars].encode("utf-8", "replace").decode("utf-8")
    return json.dumps(encodable, ensure_ascii=False)


def read_object(text: str, keys: Sequence[str]) -> Mapping[str, Any]:
    """Return the JSON object in a reply, with exactly these keys; a code fence around it is taken off.

    Raises:
        BadReply: `empty_reply` for white space, `bad_reply` for anything but such an object.
    """
    if not text.strip():
        raise BadReply("empty_reply", "")
    if len(text) > MAX_REPLY_CHARS:
        reject(f"{len(text)} characters, over {MAX_REPLY_CHARS}")
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        reject(f"no JSON: {text.strip()}")
    if not isinstance(value, dict):
        reject(f"not an object: {text.strip()}")
    if value.keys() != set(keys):
        missing = [key for key in keys if key not in value]
        unknown = [key for key in value if key not in keys]
        reject(f"missing {missing}, unknown {unknown}")
    return value


def read_strings(value: object, name: str, max_items: int, max_chars: int) -> list[str]:
    """Return a list of trimmed, printable, non-empty strings within bounds.

    Raises:
        BadReply: it is not one.
    """
    if not isinstance(value, list):
        reject(f"{name} is no list: {value!r:.60}")
    if len(value) > max_items:
        reject(f"{name} has {len(value)} items, over {max_items}")
    strings: list[str] = []
    for item in value:
        if not isinstance(item, str):
            reject(f"{name} holds no string: {item!r:.60}")
        if len(item) > max_chars:
            reject(f"{name} holds {len(item)} characters, over {max_chars}: {item[:40]}")
        if not item.isprintable() and _NOT_PRINTED.search(item):
            reject(f"{name} holds a control character: {item[:60]}")
        strings.append(item.strip())
        if not strings[-1]:
            reject(f"{name} holds an empty string")
    return strings


def fold(text: str) -> str:
    """Return the text as it is compared: case folded, white space made single."""
    return " ".join(text.casefold().split())


def drop_repeats(items: Sequence[str]) -> dict[str, str]:
    """Return the items by their folded text, without those that equal an earlier one when folded."""
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(fold(item), item)
    return kept
