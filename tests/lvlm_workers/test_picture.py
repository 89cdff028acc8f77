import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lvlm_workers.picture import UnreadablePictureError, reduce_picture

PIXELS = 64 * 64
RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def _pillow_may_warn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def gradient(width: int, height: int) -> Image.Image:
    """Return a smooth picture whose left is red, whose top is green."""
    across = np.linspace(255, 0, width)[None, :].repeat(height, 0)
    down = np.linspace(255, 0, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([across, down, np.full_like(across, 60)], axis=2).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def sent(data: bytes, max_pixels: int = PIXELS) -> Image.Image:
    image = Image.open(io.BytesIO(reduce_picture(data, max_pixels)))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the largest mean difference of a channel."""
    assert one.size == other.size
    gap = np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float))
    return float(gap.mean(axis=(0, 1)).max())


@pytest.mark.parametrize("size", [(64, 64), (10, 400), (1, 1)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_within_the_budget_is_sent_as_it_came(size: tuple[int, int], mode: str) -> None:
    data = encoded(gradient(*size).convert(mode))
    assert reduce_picture(data, PIXELS) is data


@pytest.mark.parametrize("size", [(640, 480), (65, 64), (1000, 33), (401, 2003)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_larger_picture_is_reduced_as_a_plain_resize_would(size: tuple[int, int], kind: str) -> None:
    data = encoded(gradient(*size), kind)
    image = sent(data)
    assert 0.8 * PIXELS < image.width * image.height <= PIXELS
    assert image.width / image.height == pytest.approx(size[0] / size[1], rel=0.1)
    plain = Image.open(io.BytesIO(data)).convert("RGB").resize(image.size, Image.Resampling.LANCZOS)
    assert difference(image, plain) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(60, 40), (600, 400)])
def test_orientation_is_applied(orientation: int, size: tuple[int, int]) -> None:
    # What EXIF 2.32 says of where row 0 and column 0 of the stored picture lie, undone by numpy.
    stored_of_upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: a.transpose(1, 0, 2)[::-1],
        7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    }
    upright = gradient(*size)
    stored = Image.fromarray(np.ascontiguousarray(stored_of_upright[orientation](np.asarray(upright))))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = sent(encoded(stored, exif=exif.tobytes(), quality=95))
    assert (image.width > image.height) == (size[0] > size[1])
    assert difference(image, upright.resize(image.size, Image.Resampling.LANCZOS)) < 3


def test_transparency_lies_over_white() -> None:
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    picture.paste((*RED, 255), (0, 0, 20, 40))
    image = sent(encoded(picture, "PNG"))
    for place, colour in (((5, 20), RED), ((35, 20), WHITE)):
        assert np.abs(np.subtract(image.getpixel(place), colour)).max() < 12


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (gradient(200, 100).convert("CMYK"), "JPEG"),
        (gradient(200, 100).convert("P"), "GIF"),
        (gradient(200, 100), "BMP"),
        (gradient(200, 100), "TIFF"),
        (gradient(200, 100).convert("1"), "PNG"),
        (gradient(200, 100).convert("LA"), "PNG"),
    ],
    ids=["cmyk", "gif", "bmp", "tiff", "bits", "la"],
)
def test_every_kind_becomes_rgb(image: Image.Image, kind: str) -> None:
    assert sent(encoded(image, kind)).size == (90, 45)


def test_deep_greys_keep_their_shades() -> None:
    values = np.linspace(0, 65535, 60)[None, :].repeat(40, 0)
    sixteen = sent(encoded(Image.fromarray(values.astype(np.uint16)), "PNG"))
    floats = sent(encoded(Image.fromarray((values * 1e-9).astype(np.float32)), "TIFF"))
    for image in (sixteen, floats):
        assert np.abs(np.asarray(image)[20, :, 0] - np.linspace(0, 255, 60)).max() < 6


def test_broken_exif_fails_no_picture() -> None:
    data = encoded(gradient(300, 200), exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert sent(data).size == (78, 52)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"GIF89a", b"<svg/>", b"\x89PNG\r\n\x1a\n" + b"\0" * 30]
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(UnreadablePictureError, match="^the picture cannot be decoded: "):
        reduce_picture(data, PIXELS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_picture(kind: str) -> None:
    data = encoded(gradient(300, 200), kind)
    with pytest.raises(UnreadablePictureError):
        reduce_picture(data[: len(data) // 2], PIXELS)


def test_a_bomb_is_not_decoded() -> None:
    header = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    with pytest.raises(UnreadablePictureError, match="decompression bomb"):
        reduce_picture(header, PIXELS)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 1199), value=st.integers(0, 255), kind=st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_a_changed_byte_gives_a_picture_or_an_error(place: int, value: int, kind: str) -> None:
    data = bytearray(encoded(gradient(90, 80), kind))
    data[place % len(data)] = value
    with contextlib.suppress(UnreadablePictureError):
        reduce_picture(bytes(data), PIXELS)
