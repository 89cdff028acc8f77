"""Emoji that a name tells apart."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clip_evaluation.datasets.noto_emoji import read_noto_emoji
from schemas.errors import RunError


def test_real_shards(shared_data: Path) -> None:
    found = read_noto_emoji(shared_data / "noto_emoji")
    # 3,583 pictures; 5 of the 10 exact copies are skin tones.
    assert found.left_out == {"no_name": 1, "skin_tone": 1895, "copy": 5}
    assert len(found.names) == 3583 - 1 - 1895 - 5
    assert len(set(found.names)) == len(found.names)
    assert [picture.label for picture in found.pictures] == list(range(len(found.names)))
    assert len({picture.image for picture in found.pictures}) == len(found.names)
    assert found.names[0] == "number sign"


def emoji(number: int, image: bytes, text: str, tones: list[str] | None = None) -> list[tuple[str, bytes]]:
    record = {"text": text, "skin_tones": tones or []}
    return [(f"{number}.png", image), (f"{number}.json", json.dumps(record).encode())]


def test_what_is_left_out(write_tar: Callable[..., Path]) -> None:
    members = emoji(0, b"x", "hand") + emoji(1, b"y", "hand: dark", ["dark"]) + emoji(2, b"z", "")
    path = write_tar("set/0.tar", members + emoji(3, b"x", "paw") + emoji(4, b"w", " foot "))
    found = read_noto_emoji(path.parent)
    assert found.names == ("hand", "foot")
    assert [picture.image for picture in found.pictures] == [b"x", b"w"]
    assert found.left_out == {"no_name": 1, "skin_tone": 1, "copy": 1}


def test_one_name_for_two_pictures(write_tar: Callable[..., Path]) -> None:
    path = write_tar("set/0.tar", emoji(0, b"x", "hand") + emoji(1, b"y", "hand"))
    with pytest.raises(RunError, match="two pictures have one name"):
        read_noto_emoji(path.parent)
