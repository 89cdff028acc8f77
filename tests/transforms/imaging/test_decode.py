import io
import struct
import tarfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from schemas.reasons import REASONS
from transforms.imaging.decode import Damage, Decoded, decode

ALL_FORMATS = ("jpeg", "png", "webp", "gif", "bmp", "tiff", "avif")
ODD_IMAGES = Path(__file__).parents[4] / "shared/data/odd_images/shards/00000.tar"

# As the module itself asks, which pytest's own filters undo.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")


def _decode(data: bytes, max_pixels: int = 10**8) -> Decoded | Damage:
    return decode(data, formats=ALL_FORMATS, max_pixels=max_pixels)


def _decoded(data: bytes) -> Decoded:
    outcome = _decode(data)
    assert isinstance(outcome, Decoded), outcome
    return outcome


def _damage(data: bytes, max_pixels: int = 10**8) -> Damage:
    outcome = _decode(data, max_pixels)
    assert isinstance(outcome, Damage), outcome
    return outcome


def _photo(width: int, height: int) -> Image.Image:
    """Return a picture with low and high frequencies."""
    y, x = np.mgrid[:height, :width]
    waves = 128 + 60 * np.sin(x / 19) + 50 * np.cos(y / 13 + x / 29)
    noise = np.random.default_rng(7).integers(-16, 17, (height, width, 3))
    return Image.fromarray(np.clip(waves[..., None] * (1, 0.7, 0.5) + noise, 0, 255).astype(np.uint8))


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


@cache
def _small(name: str) -> bytes:
    options = {"jpeg": {"quality": 90}, "jpeg-progressive": {"progressive": True}}.get(name, {})
    return _saved(_photo(72, 56), name.split("-")[0], **options)


@pytest.mark.parametrize("name", ALL_FORMATS)
def test_every_format_is_measured_as_stored(name: str) -> None:
    image = _photo(200, 120)
    decoded = _decoded(_saved(image, name))
    assert (decoded.format, decoded.width, decoded.height, decoded.frames) == (name, 200, 120, 1)
    assert decoded.mode == ("P" if name == "gif" else "RGB")
    reference = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC), dtype=float)
    tolerance = 12 if name == "gif" else 4
    assert np.abs(decoded.thumb - reference).mean() < tolerance


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (384, 1000), (383, 400), (96, 97), (40, 600), (1, 1)]
)
def test_a_reduced_jpeg_looks_like_the_whole_one(width: int, height: int) -> None:
    data = _saved(_photo(width, height), "jpeg", quality=92)
    whole = Image.open(io.BytesIO(data)).convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
    decoded = _decoded(data)
    assert (decoded.width, decoded.height) == (width, height)
    assert np.abs(decoded.thumb - np.asarray(whole, dtype=float)).mean() < 4


def test_an_mpo_is_one_jpeg() -> None:
    frames = [_photo(64, 64), _photo(64, 64)]
    data = _saved(frames[0], "mpo", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert (_decoded(data).format, _decoded(data).frames) == ("jpeg", 1)


@pytest.mark.parametrize("name", ["gif", "webp", "png", "tiff", "avif"])
def test_frames_are_counted(name: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    data = _saved(frames[0], name, save_all=True, append_images=frames[1:])
    assert _decoded(data).frames == 3
    assert np.abs(_decoded(data).thumb.mean(axis=(0, 1)) - (255, 0, 0)).max() < 8


def test_directories_of_a_tiff_are_counted_up_to_a_limit() -> None:
    frames = [Image.new("L", (1, 1))] * 300
    assert _decoded(_saved(frames[0], "tiff", save_all=True, append_images=frames[1:])).frames == 256


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_the_orientation_is_told_and_not_applied(name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = _decoded(_saved(_photo(80, 40), name, exif=exif))
    assert (decoded.orientation, decoded.width, decoded.height) == (6, 80, 40)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
@settings(deadline=None, max_examples=30)
@given(junk=st.binary(max_size=80))
def test_hostile_exif_never_fails_the_image(name: str, junk: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x0128] = 3, 72.0, 2
    hostile = exif.tobytes()[:14] + junk
    assert isinstance(_decode(_saved(Image.new("RGB", (16, 16)), name, exif=hostile)), Decoded)


def test_sixteen_bit_grey_and_cmyk() -> None:
    levels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    decoded = _decoded(_saved(Image.fromarray(levels), "png"))
    assert decoded.mode == "I;16"
    assert (decoded.thumb[..., 1] == levels >> 8).all()
    cmyk = _decoded(_saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "jpeg"))
    assert cmyk.mode == "CMYK"
    assert np.abs(cmyk.thumb.mean(axis=(0, 1)) - (255, 0, 0)).max() < 4


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "png", "webp"])
@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_cut_anywhere_is_found(name: str, place: float) -> None:
    whole = _small(name)
    # Without its last marker (2 bytes) a JPEG has all its pixels.
    cut = 16 + int(place * (len(whole) - 16 - (2 if name.startswith("jpeg") else 0)))
    assert _damage(whole[:cut]).reason == "truncated_image"


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "png", "webp"])
@settings(deadline=None, max_examples=100)
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_flipped_bytes_never_raise(name: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(_small(name))
    for place, mask in flips:
        data[int(place * len(data))] ^= mask
    outcome, again = (_decode(bytes(data), max_pixels=10**6) for _ in range(2))
    if isinstance(outcome, Damage):
        assert outcome.reason in REASONS
        assert outcome == again
    else:
        assert isinstance(again, Decoded)
        assert (outcome.thumb == again.thumb).all()


def test_bytes_after_the_end_are_let_pass() -> None:
    for name in ("jpeg", "png", "webp"):
        assert isinstance(_decode(_small(name) + b"\0junk"), Decoded)


def test_no_bytes_unknown_bytes_and_unwanted_formats() -> None:
    assert _damage(b"") == Damage(reason="empty_image", value="0 bytes")
    assert _damage(b"<html>") == Damage(reason="unknown_format", value="begins with 3c 68 74 6d 6c 3e")
    gif = _saved(Image.new("L", (2, 2)), "gif")
    assert decode(gif, formats=("jpeg",), max_pixels=9) == Damage(reason="unsupported_format", value="gif")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    assert _damage(postscript).reason == "unknown_format"


def _png(width: int, height: int) -> bytes:
    """Return a PNG whose header declares any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_the_pixel_limit_is_ours_and_holds_before_decoding() -> None:
    assert _damage(_png(40_000, 40_000)) == Damage(reason="oversized_image", value="40000x40000")
    # Pillow's own limit would raise here (2 * 89,478,485 pixels); with ours raised, decoding is tried.
    assert _damage(_png(40_000, 5_000), max_pixels=10**9).reason == "truncated_image"
    photo = _saved(_photo(100, 50), "jpeg")
    assert isinstance(_decode(photo, max_pixels=5_000), Decoded)
    assert _damage(photo, max_pixels=4_999) == Damage(reason="oversized_image", value="100x50")


def test_no_side_is_so_long_that_reducing_it_takes_the_memory() -> None:
    # 2 ** 30 pixels of one row are over Pillow's own limit: a MemoryError however much there is.
    for side in (1_000_001, 2**30):
        value = f"{side}x1"
        assert _damage(_png(side, 1), max_pixels=2**31) == Damage(reason="oversized_image", value=value)
    assert _damage(_png(1, 1_000_001)).reason == "oversized_image"
    assert isinstance(_decoded(_saved(Image.new("L", (1_000_000, 1)), "png")), Decoded)


def test_want_of_memory_is_not_the_pictures_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    data = _saved(_photo(20, 20), "png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(MemoryError):
        _decode(data)


def test_a_picture_without_width_is_damaged() -> None:
    assert _damage(_png(0, 10)).reason == "damaged_image"


def test_a_colour_mode_without_a_way_to_rgb_is_not_called_damaged() -> None:
    data = _saved(Image.new("LAB", (8, 8)), "tiff")
    assert _damage(data) == Damage(reason="unsupported_format", value="tiff in mode LAB")


def test_truncated_images_are_not_patched_up() -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_odd_images_decode_or_have_a_reason() -> None:
    if not ODD_IMAGES.exists():
        pytest.skip(f"{ODD_IMAGES} is not there")
    outcomes: dict[str, str] = {}
    with tarfile.open(ODD_IMAGES) as shard:
        for member in shard:
            stream = shard.extractfile(member)
            if stream is None or member.name.endswith((".json", ".txt")):
                continue
            outcome = _decode(stream.read())
            outcomes[member.name] = outcome.reason if isinstance(outcome, Damage) else outcome.format
    found = {name: sum(value == name for value in outcomes.values()) for name in set(outcomes.values())}
    assert sum(found.values()) == 326
    assert {name: found.get(name) for name in ("unknown_format", "truncated_image", "damaged_image")} == {
        "unknown_format": 5,
        "truncated_image": 4,
        "damaged_image": 5,
    }
    # Eight JPEGs, each with another orientation, and one with a broken end.
    assert outcomes["000142.jpg"] == "jpeg"
    assert outcomes["000316.jpg"] == "truncated_image"
