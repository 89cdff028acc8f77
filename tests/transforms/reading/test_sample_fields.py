import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.reading.sample_fields import (
    MAX_JSON,
    clean_text,
    decode_text,
    parse_json,
    uid_and_url,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a\tb\r\n c  ", "a b c"),
        ("a \x00 b\x1b[31m", "a b"),
        ("a\u2003b\u00a0c\x85d", "a b c d"),
        ("half \ud83d of it", "half of it"),
        ("\x07", ""),
        ("naïve 日本語 😀", "naïve 日本語 😀"),
    ],
)
def test_clean_text(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@given(st.text())
def test_clean_text_can_be_written_and_stays(text: str) -> None:
    clean = clean_text(text)
    assert clean.encode().decode() == clean
    assert clean_text(clean) == clean
    assert "  " not in clean


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", ("plain", None)),
        ("é日".encode(), ("é日", None)),
        (b"\xef\xbb\xbfbom", ("bom", None)),
        ("é日".encode("utf-16"), ("é日", None)),
        (b"\xfe\xff" + "é日".encode("utf-16-be"), ("é日", None)),
        (b"", ("", None)),
    ],
)
def test_unicode_is_decoded_without_a_guess(data: bytes, expected: tuple[str, str | None]) -> None:
    assert decode_text(data) == expected


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ein Café in Zürich mit roten Stühlen", "cp1252"),
        ("Crème brûlée au café", "cp1252"),
        ("a jalapeño pepper", "cp1252"),
        ("Señor", "cp1252"),
        ("naïve", "cp1252"),
        ("The “old” café – 5 €", "cp1252"),
        ("大きな茶色の犬が走っている", "cp932"),
        ("一只棕色的大狗在海边奔跑", "gb18030"),
        ("큰 갈색 개가 달린다", "cp949"),
        ("Křížový kůň", "cp1250"),
    ],
)
def test_short_texts_in_other_encodings_are_read_right(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Café près de la forêt 日本".encode()[:-1], "Café près de la forêt 日"),
        ("Café près de la forêt".encode().replace(b"de", b"\xffde"), "Café près de la forêt"),
        (b"a dog \xed\xa0\xbd\xed\xb8\x80", "a dog \U0001f600"),
    ],
)
def test_utf8_with_a_fault_stays_utf8(data: bytes, text: str) -> None:
    assert decode_text(data) == (text, "damaged-utf-8")


def test_terminal_escapes_leave_no_rest() -> None:
    assert clean_text("a \x1b[31mred\x1b[0m dog\x1b") == "a red dog"


@pytest.mark.parametrize("uid", [r"\ud800", r"x\ud801"])
def test_a_uid_of_half_characters_is_ignored(uid: str) -> None:
    fields = parse_json(f'{{"uid": "{uid}"}}'.encode())
    assert fields is not None
    assert uid_and_url(fields) == (None, None, ("uid_ignored",))


def test_other_encodings_are_guessed_and_said() -> None:
    russian = "Большая собака бежит по берегу моря рядом с мальчиком"
    assert decode_text(russian.encode("cp1251")) == (russian, "cp1251")


def test_bytes_without_any_encoding_have_no_text() -> None:
    assert decode_text(bytes(range(128, 256)) * 4 + b"\x00\x01\x02\x81\x8d\x8f\x90\x9d" * 40) is None


def test_a_cut_text_may_end_in_half_a_character() -> None:
    assert decode_text("abé".encode()[:-1], is_cut=True) == ("ab", None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        (b'{"a": "\\ud83d\\ude00", "b": "\\ud83d"}', {"a": "😀", "b": "\ufffd"}),
        (b"[1]", None),
        (b"null", None),
        (b"{", None),
        (b'{"a": "\xff"}', None),
        (b'{"a":' * 100_000, None),
        (b"[" * 100_000, None),
        (b'{"a": ' + b"9" * 10_000 + b"}", None),
        (b'{"a": "' + b"x" * MAX_JSON + b'"}', None),
        (b"", None),
    ],
)
def test_parse_json(data: bytes, expected: object) -> None:
    assert parse_json(data) == expected


@given(st.binary(max_size=200))
def test_parse_json_never_raises(data: bytes) -> None:
    value = parse_json(data)
    assert value is None or json.dumps(value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, ())),
        ({"uid": "u1", "url": "http://a/b c"}, ("u1", "http://a/b c", ())),
        ({"uid": 7}, ("7", None, ())),
        ({"uid": None, "url": None}, (None, None, ())),
        ({"uid": True}, (None, None, ("uid_ignored",))),
        ({"uid": ""}, (None, None, ("uid_ignored",))),
        ({"uid": "a\nb"}, (None, None, ("uid_ignored",))),
        ({"uid": "u" * 256, "url": "u" * 8192}, ("u" * 256, "u" * 8192, ())),
        ({"uid": "u" * 257, "url": "u" * 8193}, (None, None, ("uid_ignored", "url_ignored"))),
        ({"uid": 10**5000}, (None, None, ("uid_ignored",))),
        ({"uid": 1.5, "url": ["x"]}, (None, None, ("uid_ignored", "url_ignored"))),
    ],
)
def test_uid_and_url(fields: dict[str, object], expected: tuple[object, ...]) -> None:
    assert uid_and_url(fields) == expected
