import io

import pytest
from PIL import Image

from transforms.imaging.sniff import FORMAT_OF_ENDING, HEAD_BYTES, disagreeing_ending, image_format


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp"])
def test_what_pillow_writes_is_recognised(name: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, name)
    assert image_format(stream.getvalue()) == image_format(stream.getvalue()[:HEAD_BYTES]) == name


def test_the_head_is_enough_for_the_longest_list_of_brands() -> None:
    box = b"\0\0\0\x34ftypmif1\0\0\0\0" + b"miaf" * 8 + b"avif"
    assert image_format((box + bytes(99))[:HEAD_BYTES]) == "avif"


def test_the_usual_ending_of_a_format_comes_first() -> None:
    first = {name: ending for ending, name in reversed(FORMAT_OF_ENDING.items())}
    assert first == {name: name for name in first} | {"jpeg": "jpg", "tiff": "tif"}


def test_containers_that_list_avif_as_a_compatible_brand_are_avif() -> None:
    assert image_format(b"\0\0\0\x20ftypmif1\0\0\0\0miafavif") == "avif"
    assert image_format(b"\0\0\0\x20ftypheic\0\0\0\0mif1heic") is None


@pytest.mark.parametrize("data", [b"", b"BMW sells cars in Bavaria", b"<html>", b"%PDF-1.7", b"RIFF____WAVE"])
def test_other_bytes_are_no_image(data: bytes) -> None:
    assert image_format(data) is None


@pytest.mark.parametrize(
    ("name", "real", "ending"),
    [
        ("a/000.jpg", "png", "jpg"),
        ("000.JPG", "jpeg", None),
        ("000.jpeg", "jpeg", None),
        ("jpg", "webp", "jpg"),
        ("000.v1.tif", "tiff", None),
        ("000.image", "png", None),
        ("", "png", None),
    ],
)
def test_an_ending_disagrees_only_where_it_claims_another_format(
    name: str, real: str, ending: str | None
) -> None:
    assert disagreeing_ending(name, real) == ending
