"""OpenAI's chat API as bytes: what is posted, and what came back."""

import base64
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lvlm_workers.base import Request

REFUSED_REQUEST = "refused_request"
"""Finish reason of a reply that no model wrote: this one request was refused, or failed at every attempt
while others were answered, or its picture cannot be decoded. The text says which."""

MAX_BODY_BYTES = 8 * 2**20
"""A longer answer is no chat completion."""

_MAX_MESSAGE_CHARS = 300
_MAX_NAME_CHARS = 200
_MAX_TOKENS = 2**31 - 1
_PASSING = frozenset({408, 409, 425, 429})
_MISCONFIGURED = frozenset({401, 402, 403, 404, 405})
_THROTTLED = frozenset({429, 503})


class TryAgainError(Exception):
    """An attempt failed in a way that may pass.

    `retry_after_s` is what the server asks to wait. `throttled` is true where it only has too much to do.
    """

    def __init__(self, what: str, *, retry_after_s: float | None = None, throttled: bool = False) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s
        self.throttled = throttled


class RefusedError(Exception):
    """The server will never answer this request."""


class MisconfiguredError(Exception):
    """The server will answer no request like ours: wrong URL, key or model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered."""

    text: str
    model: str
    finish_reason: str
    tokens_in: int
    tokens_out: int


def write_body(request: Request, *, model: str, jpeg: bytes | None, send_seed: bool = True) -> bytes:
    """Return the JSON to post: one user message, the prompt before the picture.

    The prompt begins with what all requests of a recipe share, so that a server which keeps the state of
    common prefixes computes that part once; a picture in front of it would make every prefix differ.
    """
    content: Any = request.prompt
    if jpeg is not None:
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
        content = [{"type": "text", "text": request.prompt}, {"type": "image_url", "image_url": {"url": url}}]
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "max_tokens": request.sampling.max_tokens,
    }
    # Greedy replies need none, and vLLM 0.32 on a CPU dies of seeds ("CPU Generator does not use offset").
    if send_seed and request.seed is not None and request.sampling.temperature > 0:
        body["seed"] = request.seed
    if request.schema is not None:
        schema = {"name": "reply", "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return json.dumps(body).encode("ascii")


def check_status(status: int, data: bytes, retry_after: str | None) -> None:
    """Raise what an HTTP status means.

    Raises:
        TryAgainError: 408, 409, 425, 429, 5xx.
        MisconfiguredError: 401 to 405, and 3xx, as a redirect would carry the key elsewhere.
        RefusedError: any other 4xx.
    """
    if 200 <= status < 300:
        return
    what = f"HTTP {status}: {error_message(data)}".rstrip(": ")
    if status in _PASSING or status >= 500:
        wait = read_retry_after(retry_after, datetime.now(UTC)) if retry_after else None
        raise TryAgainError(what, retry_after_s=wait, throttled=status in _THROTTLED)
    if status in _MISCONFIGURED or status < 400:
        raise MisconfiguredError(what)
    raise RefusedError(what)


def read_completion(data: bytes) -> Completion:
    """Return the first choice of an answer with status 200.

    Text that is missing is "", a refusal in OpenAI's own field is the text with finish reason `refusal`,
    counts that are missing are 0. Control characters inside strings, which some servers leave in, are kept.

    Raises:
        TryAgainError: it is no JSON, holds an error, or has no choice with a message.
    """
    try:
        value = json.loads(data, strict=False)
    except (ValueError, RecursionError):
        raise TryAgainError(f"the answer is no JSON ({len(data)} bytes)") from None
    if isinstance(value, dict) and value.get("error"):
        raise TryAgainError(f"an error with HTTP 200: {error_message(data)}")
    try:
        choice = value["choices"][0]
        message = choice["message"]
        text, refusal = message["content"], message.get("refusal")
        finish = choice.get("finish_reason")
    except (LookupError, TypeError, AttributeError):
        raise TryAgainError("the answer holds no choice with a message") from None
    if text is None:
        refused = isinstance(refusal, str) and refusal != ""
        text, finish = (refusal, "refusal") if refused else ("", finish)
    if not isinstance(text, str):
        raise TryAgainError("the answer's content is no text")
    usage = value.get("usage")
    return Completion(
        text=text,
        model=_name(value.get("model")),
        finish_reason=_name(finish) or "unknown",
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
    )


def error_message(data: bytes) -> str:
    """Return what the server says of an error, on one line of up to 300 characters."""
    text = data[: 4 * _MAX_MESSAGE_CHARS].decode("utf-8", "replace")
    try:
        value = json.loads(data, strict=False)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        error = value.get("error") or value
        found = error.get("message") or error.get("detail") if isinstance(error, dict) else error
        text = found if isinstance(found, str) else text
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return "".join(char for char in line if char.isprintable())[:_MAX_MESSAGE_CHARS]


def read_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks to wait (RFC 9110, 10.2.3), or None where it is broken.

    >>> read_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", datetime(1999, 12, 31, 23, 59, 50, tzinfo=UTC))
    9.0
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _name(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable())[:_MAX_NAME_CHARS]


def _count(usage: object, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and 0 <= count <= _MAX_TOKENS else 0
