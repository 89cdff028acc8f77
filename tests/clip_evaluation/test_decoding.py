"""The cheap look at a picture against decoding it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clip_evaluation import decoding
from clip_evaluation.datasets.tar_samples import list_shards, read_samples
from clip_evaluation.decoding import decode, flaw
from schemas.errors import RunError


def decodes(data: bytes) -> bool:
    try:
        decode(data)
    except RunError:
        return False
    return True


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_truncation_that_cannot_be_decoded_is_found(picture: Callable[..., bytes], kind: str) -> None:
    data = picture(0, (24, 20), kind)
    assert flaw(data) == ""
    for end in range(0, len(data), 7):
        assert (flaw(data[:end]) == "") == decodes(data[:end]), end


def test_whole_ones_are_not_decoded(picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "decode", None)
    for kind in ("JPEG", "PNG", "WEBP"):
        assert flaw(picture(0, kind=kind)) == ""
    assert flaw(picture(0, kind="JPEG") + bytes(8)) == ""


def test_what_follows_a_jpeg_does_no_harm(picture: Callable[..., bytes]) -> None:
    assert flaw(picture(0, kind="JPEG") + bytes(1000)) == ""


def test_a_flipped_bit_in_a_png(picture: Callable[..., bytes]) -> None:
    data = bytearray(picture(0))
    data[len(data) // 2] ^= 1
    assert flaw(bytes(data)).startswith("its picture cannot be decoded (")


def test_a_bomb() -> None:
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    assert flaw(buffer.getvalue()) == "its picture has too many pixels"


def test_what_it_refuses_cannot_be_decoded(shared_data: Path) -> None:
    agree = refused = 0
    for sample in read_samples(list_shards(shared_data / "odd_images")):
        for ending, data in sample.members.items():
            if ending not in ("json", "txt"):
                refused += (told := flaw(data)) != ""
                agree += (told == "") == decodes(data)
                assert told == "" or not decodes(data)
    assert refused > 5
    assert agree > 5 * refused
