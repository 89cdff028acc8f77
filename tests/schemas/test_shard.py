"""A shard's and a unit's identity do not hang on where they lie."""

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.shard import Shard, Unit, unit_uid


def shard(name: str, **changes: Any) -> Shard:
    values: dict[str, Any] = {
        "order": 0,
        "name": name,
        "path": f"/d/{name}",
        "size_bytes": 1,
        "format": "tar",
    }
    return Shard(**values | changes)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/0.tar", "a/0"),
        ("0.tar.gz", "0"),
        ("0.tgz", "0"),
        ("0.parquet", "0"),
        ("0.tar.tar", "0.tar"),
        ("0.v1.tar", "0.v1"),
    ],
)
def test_the_stem_is_the_name_without_its_ending(name: str, stem: str) -> None:
    assert shard(name).stem == stem


def test_a_slug_by_hand() -> None:
    mark = hashlib.sha256(b"a b/0.tar").hexdigest()[:8]
    assert shard("a b/0.tar").slug == f"a-b-0-{mark}"
    assert shard("\u00e9.tar").slug == hashlib.sha256("\u00e9.tar".encode()).hexdigest()[:8]


@given(st.text(max_size=80))
def test_a_slug_is_a_short_plain_file_name(name: str) -> None:
    assert re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]{0,60}", shard(name).slug)


def test_a_slug_hangs_on_the_name_alone() -> None:
    assert shard("a/0.tar").slug == shard("a/0.tar", path="/e/0.tar", order=4, size_bytes=9).slug
    names = ["a/0.tar", "a-0.tar", "b/0.tar", "a/0.tar.gz", "x" * 99 + ".tar", "y" + "x" * 98 + ".tar"]
    assert len({shard(name).slug for name in names}) == len(names)


def test_a_name_that_is_no_utf_8_has_a_slug() -> None:
    name = b"caf\xe9.tar".decode("utf-8", "surrogateescape")
    assert shard(name).slug == "caf-" + hashlib.sha256(b"caf\xe9.tar").hexdigest()[:8]


def test_a_uid_is_the_units_own_or_the_hash_of_its_place() -> None:
    assert unit_uid("a.tar", Unit(index=0, key="k", uid="mine")) == "mine"
    by_hand = hashlib.sha256(b"a.tar\0k\x000").hexdigest()[:32]
    assert unit_uid("a.tar", Unit(index=5, key="k")) == by_hand
    uids = {
        unit_uid(name, Unit(index=0, key=key, occurrence=occurrence))
        for name, key, occurrence in (
            ("a", "k", 0),
            ("b", "k", 0),
            ("a", "l", 0),
            ("a", "k", 1),
            ("ak", "", 0),
        )
    }
    assert len(uids) == 5
