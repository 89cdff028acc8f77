import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from contrastive_trainer.data.picture import draw_window, load_picture, over_white
from contrastive_trainer.data.sample import UnreadableSampleError
from schemas.boxes import WHOLE, crop_box

ALL = (1.0, 1.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def load(data: bytes, size: int = 16, scale: tuple[float, float] = ALL) -> np.ndarray[Any, Any]:
    return load_picture(data, size, scale, rng())[0].permute(1, 2, 0).numpy()


def smooth(width: int, height: int) -> Image.Image:
    """Return a picture that JPEG hardly changes, another at each corner."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray(np.stack([255 * x, 255 * y, 255 * x * y], axis=-1).astype(np.uint8))


def test_a_picture_is_squashed_bicubically() -> None:
    image = smooth(40, 24)
    expected = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC))
    assert np.array_equal(load(encoded(image)), expected)
    assert load_picture(encoded(image), 16, ALL, rng())[0].shape == (3, 16, 16)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1001, 333), (37, 250), (20, 20)])
def test_reduced_decoding_changes_next_to_nothing(width: int, height: int) -> None:
    data = encoded(smooth(width, height), "JPEG", quality=95, subsampling=0)
    expected = np.asarray(Image.open(io.BytesIO(data)).resize((32, 32), Image.Resampling.BICUBIC))
    assert np.abs(load(data, 32).astype(int) - expected).max() <= 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(smooth(601, 403), kind, exif=exif, quality=95)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    expected = np.asarray(upright.resize((24, 24), Image.Resampling.BICUBIC))
    assert np.abs(load(data, 24).astype(int) - expected).max() <= 5


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"]
)
def test_a_broken_exif_block_is_passed_over(exif: bytes) -> None:
    image = smooth(40, 24)
    assert np.array_equal(load(encoded(image, exif=exif)), load(encoded(image)))


def test_a_mirror_image_by_an_impossible_orientation_is_not_turned() -> None:
    tiff = b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 77, 0) + bytes(4)
    image = smooth(40, 24)
    assert np.array_equal(load(encoded(image, exif=b"Exif\0\0" + tiff)), load(encoded(image)))


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    image.paste((200, 0, 0, 255), (0, 0, 4, 8))
    found = load(encoded(image), 8)
    assert found[4, 0].tolist() == [200, 0, 0]
    assert found[4, 7].tolist() == [255, 255, 255]
    half = load(encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 51))), 8)
    assert np.abs(half.astype(int) - 204).max() <= 1  # 51 / 255 of black over white


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "I;16"])
def test_other_modes_have_their_colours(mode: str) -> None:
    grey = Image.new("L", (8, 8), 255)
    grey.paste(0, (0, 0, 4, 8))
    if mode == "I;16":
        image = Image.fromarray((np.asarray(grey).astype(np.uint16) << 8) + np.uint16(99))
        assert image.mode == "I;16"
    else:
        image = grey.convert(mode)
    found = load(encoded(image), 8)
    assert found[4, 0].max() <= 1
    assert found[4, 7].min() >= 254


def test_a_palette_with_a_transparent_colour_lies_over_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (4, 0, 8, 8))
    found = load(encoded(image, transparency=0), 8)
    assert found[4, 0].tolist() == [255, 255, 255]
    assert found[4, 7].tolist() == [200, 100, 50]


def test_cmyk_and_numbers_without_a_white_point() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(load(encoded(cmyk, "JPEG")).astype(int) - [255, 0, 0]).max() <= 6
    values = np.tile(np.array([[-5.0, 5.0]], dtype=np.float32), (4, 4))
    values[0, 0] = np.nan
    found = np.asarray(over_white(Image.fromarray(values)))
    assert found[1, 0].tolist() == [0, 0, 0]
    assert found[1, 1].tolist() == [255, 255, 255]


def test_a_moving_picture_shows_its_first_frame() -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    assert load(encoded(first, "GIF", save_all=True, append_images=[second]), 8)[4, 4].tolist() == [255, 0, 0]


def bomb() -> bytes:
    """Return the head of a PNG that declares 50,000 x 50,000 pixels."""
    data = bytearray(encoded(Image.new("L", (4, 4))))
    data[16:24] = struct.pack(">II", 50_000, 50_000)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        bomb(),
        encoded(Image.new("L", (10_001, 10_000)), "PNG"),
        encoded(smooth(300, 300))[:2000],
        encoded(smooth(300, 300), "JPEG")[:2000],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_hostile_pictures_are_told_of(data: bytes) -> None:
    with pytest.raises(UnreadableSampleError, match="a picture"):
        load(data)


def test_no_odd_image_does_anything_else(make: Any, shared_data: Path) -> None:
    import tarfile

    read = 0
    with tarfile.open(next((shared_data / "odd_images" / "shards").glob("*.tar"))) as tar:
        for member in tar:
            data = tar.extractfile(member)
            if member.name.endswith((".json", ".txt")) or data is None:
                continue
            try:
                assert load(data.read(), 8).shape == (8, 8, 3)
                read += 1
            except UnreadableSampleError:
                continue
    assert read > 150


@given(st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)).map(sorted), st.integers(0, 2**32))
def test_windows_have_the_area_and_aspect_asked_for(scale: list[float], seed: int) -> None:
    low, high = scale
    x0, y0, x1, y1 = draw_window((low, high), rng(seed))
    assert 0 <= x0 < x1 <= 1 + 1e-9
    assert 0 <= y0 < y1 <= 1 + 1e-9
    wide, tall = x1 - x0, y1 - y0
    assert low - 1e-9 <= wide * tall <= high + 1e-9
    assert 0.75 - 1e-9 <= wide / tall <= 4 / 3 + 1e-9


def test_windows_lie_anywhere_and_the_whole_is_the_whole() -> None:
    random = rng()
    assert draw_window(ALL, random) == WHOLE
    windows = np.array([draw_window((0.25, 0.25), random) for _ in range(4000)])
    centre = (windows[:, :2] + windows[:, 2:]) / 2
    assert np.abs(centre.mean(axis=0) - 0.5).max() < 0.01
    assert np.abs(windows.min(axis=0)[:2]).max() < 0.01
    assert np.abs(windows.max(axis=0)[2:] - 1).max() < 0.01


@given(
    st.integers(120, 400),
    st.integers(120, 400),
    st.integers(0, 2**32),
    st.integers(1, 8),
    st.sampled_from(["PNG", "JPEG"]),
)
def test_a_painted_box_is_where_its_region_says(
    width: int, height: int, seed: int, orientation: int, kind: str
) -> None:
    """Crop, turn, reduce and resize; then find the box again by its colour."""
    random, size = rng(seed), 64
    # The box, in the upright picture: sides of a quarter to a half.
    sides = random.uniform(0.25, 0.5, 2)
    corner = random.uniform(0, 1 - sides)
    box = [*corner, *(corner + sides)]
    upright = Image.new("RGB", (width, height), "white")
    left, top, right, bottom = (round(s * n) for s, n in zip(box, (width, height) * 2, strict=True))
    upright.paste((0, 0, 255), (left, top, right, bottom))
    box = [left / width, top / height, right / width, bottom / height]
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes each orientation, as Transpose has it
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(turned[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, kind, exif=exif, quality=95)
    image_CHW, window = load_picture(data, size, (0.4, 0.9), random)
    expected = crop_box(box, window, min_visible=0.0)
    blue = (image_CHW[0] < 128).numpy()
    if expected is None or min(expected[2] - expected[0], expected[3] - expected[1]) < 4 / size:
        return
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert np.abs(np.array(found) - size * np.array(expected)).max() <= 1.0
