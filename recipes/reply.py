"""Hand-written checks on replies, shared by the recipes that ask for JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from recipes.base import BadReply
from recipes.hygiene import clean_text, copies, is_loop, is_refusal, repeats_itself, strip_opening

MAX_REPLY_CHARS = 65_536
_SHOWN_CHARS = 120
_MAX_STARTS = 8
_DECODER = json.JSONDecoder(strict=False)  # servers let raw control characters pass inside strings
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_PRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    """Return the beginning of an untrusted text as it can stand in a table."""
    return _NOT_PRINTED.sub("?", text[:_SHOWN_CHARS])


def reject(problem: str, reason: str = "bad_reply", fault: str = "") -> NoReturn:
    """Raise `BadReply` with the problem, cut to a length that fits a table."""
    raise BadReply(reason, printable(problem), fault)


def quote_data(text: str, max_chars: int = 2_000) -> str:
    """Return untrusted text as one line of JSON: it cannot close its quotes, and it always encodes.

    `<` is escaped: vLLM takes `<|image_pad|>` in a prompt for the token, and puts the picture there.
    """
    encodable = text[:max_chars].encode("utf-8", "replace").decode("utf-8")
    return json.dumps(encodable, ensure_ascii=False).replace("<", "\\u003c")


def read_object(text: str, keys: Sequence[str], finish_reason: str = "stop") -> Mapping[str, Any]:
    """Return the JSON object in a reply, with exactly these keys; code fence and prose are left out.

    Raises:
        BadReply: `empty_reply` for white space, `cut_reply` or `looping_reply` for what does not end,
            `refusal` for what declines, `bad_reply` for anything else but one such object.
    """
    if not text.strip():
        raise BadReply("empty_reply", "")
    if finish_reason == "length" or len(text) > MAX_REPLY_CHARS:
        reject_endless(text)
    if finish_reason in ("content_filter", "refusal"):
        reject(text, "refusal")
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        value = _find_object(text)
    if not isinstance(value, dict):
        reject(f"not an object: {text.strip()}")
    if value.keys() != set(keys):
        missing = [key for key in keys if key not in value]
        unknown = [key for key in value if key not in keys]
        reject(f"missing {missing}, unknown {unknown}")
    return value


def reject_endless(text: str) -> NoReturn:
    """Refuse a reply that was cut, and say whether it was because it went round in circles."""
    parts = text[:MAX_REPLY_CHARS].split('"')  # of JSON: what its strings hold, and what is between
    loops = any(is_loop(part.strip()) for part in parts) or repeats_itself(parts)
    reject(f"{len(text)} characters: {text.strip()}", "looping_reply" if loops else "cut_reply")


def _find_object(text: str) -> object:
    """Return the object in a text that is more than JSON, or less."""
    body = _THOUGHT.sub("", text)
    if is_refusal(body):
        reject(body.strip(), "refusal")
    start = body.find("{")
    for _ in range(_MAX_STARTS):
        if start < 0:
            break
        try:
            value, end = _DECODER.raw_decode(body, start)
        except (ValueError, RecursionError):
            start = body.find("{", start + 1)
            continue
        if "{" in body[end:]:
            reject(f"more than one object: {body.strip()}")
        return value
    if _is_open(body):
        reject_endless(body)
    reject(f"no JSON: {text.strip()}", "looping_reply" if is_loop(text) else "bad_reply")


def _is_open(text: str) -> bool:
    """Return whether the JSON that begins in a text does not end there."""
    start = text.find("{")
    rest = _STRING.sub("", text[start:]) if start >= 0 else ""
    opened, closed = (sum(map(rest.count, marks)) for marks in ("{[", "}]"))
    return '"' in rest or opened > closed


def read_strings(
    value: object, name: str, max_items: int, max_chars: int, *, may_be_empty: bool = False
) -> list[str]:
    """Return a list of trimmed, printable strings within bounds; control characters are left out.

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
        strings.append((item if item.isprintable() else clean_text(item)).strip())
        if not (strings[-1] or may_be_empty):
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


def read_lines(text: str, marker: str, finish_reason: str = "stop") -> list[str]:
    """Return what stands behind the last marker of each line of plain text that has one, without quotes.

    The last, for what is asked about may hold a marker itself (LaCLIP's own parser took the first).

    Raises:
        BadReply: `cut_reply` or `looping_reply` for what does not end.
    """
    if finish_reason == "length" or len(text) > MAX_REPLY_CHARS:
        reject_endless(text)
    return [line.rpartition(marker)[2].strip().strip('"') for line in text.splitlines() if marker in line]


def tidy_texts(texts: Sequence[str], instruction: str) -> list[str]:
    """Return sentences of a model without openings such as `The image shows`.

    Raises:
        BadReply: `refusal`, `looping_reply` or `prompt_leak`; one such text spoils the reply.
    """
    if repeats_itself(texts):
        reject(f"the same again and again: {texts[0]}", "looping_reply")
    for text in texts:
        if is_refusal(text):
            reject(text, "refusal")
        if is_loop(text):
            reject(text, "looping_reply")
        if copies(text, instruction):
            reject(text, "prompt_leak")
    return [strip_opening(text) for text in texts]
