"""Emoji that a name tells apart."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from clip_evaluation.datasets.noto_emoji import read_noto_emoji
from schemas.errors import RunError


def test_real_shards(shared_data: Path) -> None:
    left_out: Counter[str] = Counter()
    found = list(read_noto_emoji(shared_data / "noto_emoji", left_out))
    # 3,583 pictures; 5 of the 10 exact copies are skin tones.
    assert left_out == {"no_name": 1, "skin_tone": 1895, "copy": 5}
    assert len(found) == 3583 - 1 - 1895 - 5
    assert len({name for name, _ in found}) == len(found)
    assert [picture.label for _, picture in found] == list(range(len(found)))
    assert len({picture.image for _, picture in found}) == len(found)
    assert found[0][0] == "number sign"


def emoji(number: int, image: bytes, text: str, tones: list[str] | None = None) -> list[tuple[str, bytes]]:
    record = {"text": text, "skin_tones": tones or []}
    return [(f"{number}.png", image), (f"{number}.json", json.dumps(record).encode())]


def test_what_is_left_out(write_tar: Callable[..., Path]) -> None:
    members = emoji(0, b"x", "hand") + emoji(1, b"y", "hand: dark", ["dark"]) + emoji(2, b"z", "")
    path = write_tar("set/0.tar", members + emoji(3, b"x", "paw") + emoji(4, b"w", " foot "))
    left_out: Counter[str] = Counter()
    found = list(read_noto_emoji(path.parent, left_out))
    assert [(name, picture.image, picture.label) for name, picture in found] == [
        ("hand", b"x", 0), ("foot", b"w", 1),
    ]  # fmt: skip
    assert left_out == {"no_name": 1, "skin_tone": 1, "copy": 1}


def test_one_name_for_two_pictures(write_tar: Callable[..., Path]) -> None:
    path = write_tar("set/0.tar", emoji(0, b"x", "hand") + emoji(1, b"y", "hand"))
    with pytest.raises(RunError, match="an earlier picture is named 'hand' too"):
        list(read_noto_emoji(path.parent, Counter()))
