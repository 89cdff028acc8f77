import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvlm_workers.base import Request
from lvlm_workers.chat_api import (
    MisconfiguredError,
    RefusedError,
    TryAgainError,
    check_status,
    error_message,
    read_completion,
    read_retry_after,
    write_body,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def completion(**changes: Any) -> bytes:
    message = {"role": "assistant", "content": changes.pop("content", "a dog"), **changes.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": changes.pop("finish_reason", "stop")}
    return json.dumps({"model": "m", "choices": [choice], **changes}).encode()


def test_the_picture_comes_after_the_prompt() -> None:
    body = json.loads(write_body(Request(tag=0, prompt="Über\ud800"), model="m", jpeg=b"\xff\xd8picture"))
    text, picture = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Über\ud800"}
    assert picture["type"] == "image_url"
    head, _, data = picture["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data) == b"\xff\xd8picture"
    assert body.keys() == {"model", "messages", "temperature", "top_p", "max_tokens"}


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_statuses_that_may_pass(status: int) -> None:
    with pytest.raises(TryAgainError, match=f"^HTTP {status}: busy$") as raised:
        check_status(status, b'{"error": {"message": "busy"}}', "3")
    assert raised.value.retry_after_s == 3
    assert raised.value.throttled == (status in (429, 503))


@pytest.mark.parametrize("status", [301, 302, 307, 401, 402, 403, 404, 405])
def test_statuses_of_a_wrong_set_up(status: int) -> None:
    with pytest.raises(MisconfiguredError, match=f"^HTTP {status}$"):
        check_status(status, b"", None)


@pytest.mark.parametrize("status", [400, 413, 415, 422, 431])
def test_statuses_of_a_wrong_request(status: int) -> None:
    with pytest.raises(RefusedError, match=f"^HTTP {status}: too long$"):
        check_status(status, b'{"detail": "too long"}', None)


@pytest.mark.parametrize("status", [200, 201])
def test_statuses_of_an_answer(status: int) -> None:
    check_status(status, b"anything", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"error": {"message": "a\\nb\\u0007 c"}}', "a b c"),
        (b'{"error": "plain"}', "plain"),
        (b'{"message": "vLLM"}', "vLLM"),
        (b'{"error": {"code": 7}}', '{"error": {"code": 7}}'),
        (b"<html>Bad\n Gateway</html>", "<html>Bad Gateway</html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"x" * 10_000, "x" * 300),
        (b'{"error": {"message": "\\ud800"}}', "?"),
    ],
)
def test_what_the_server_says_of_an_error(data: bytes, message: str) -> None:
    assert error_message(data) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b'{"choices": []}',
        b'{"choices": {}}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {}}]}',
        b'{"choices": [{"message": "a dog"}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": [{"text": "a"}]}}]}',
        b'{"error": {"message": "x"}, "choices": [{"message": {"content": "a"}}]}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe{",
    ],
)
def test_answers_of_no_use_are_tried_again(data: bytes) -> None:
    with pytest.raises(TryAgainError):
        read_completion(data)


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "message", "content", "usage", "error", "model"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_are_an_answer_or_tried_again(data: bytes) -> None:
    with contextlib.suppress(TryAgainError):
        assert isinstance(read_completion(data).text, str)


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1},
                                   {"prompt_tokens": True}, {"prompt_tokens": 2**80}])  # fmt: skip
def test_counts_that_are_none_are_nothing(usage: Any) -> None:
    found = read_completion(completion(usage=usage))
    assert (found.tokens_in, found.tokens_out) == (0, 0)


def test_a_whole_answer() -> None:
    found = read_completion(
        completion(usage={"prompt_tokens": 5, "completion_tokens": 9}, finish_reason="length")
    )
    assert (found.text, found.model, found.finish_reason) == ("a dog", "m", "length")
    assert (found.tokens_in, found.tokens_out) == (5, 9)


def test_names_are_short_and_printable() -> None:
    found = read_completion(completion(model="m\n\x1b" + "x" * 999, finish_reason=None))
    assert found.model == "m" + "x" * 199
    assert found.finish_reason == "unknown"
    assert read_completion(completion(model=None)).model == ""


def test_raw_control_characters_are_read() -> None:
    assert read_completion(completion().replace(b"a dog", b"a\x01dog\n")).text == "a\x01dog\n"


def test_a_refusal_in_its_own_field() -> None:
    found = read_completion(completion(content=None, message={"refusal": "No."}))
    assert (found.text, found.finish_reason) == ("No.", "refusal")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        (format_datetime((NOW + timedelta(seconds=9)).astimezone(timezone(timedelta(hours=5)))), 9.0),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds
