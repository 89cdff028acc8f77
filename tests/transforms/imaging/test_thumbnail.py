import numpy as np
import pytest
from PIL import Image

from transforms.imaging.thumbnail import thumbnail


def _thumb(image: Image.Image) -> np.ndarray:
    thumb = thumbnail(image)
    assert thumb is not None
    assert (thumb.shape, thumb.dtype) == ((64, 64, 3), np.dtype(np.uint8))
    return thumb


def cubic(x: float) -> float:
    """Keys' cubic convolution kernel with a = -1/2 (IEEE Trans. ASSP 29, 1981, equation 4)."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def test_a_picture_twice_as_large_is_averaged_by_a_cubic() -> None:
    pixels = np.random.default_rng(0).integers(64, 192, (128, 128, 3), dtype=np.uint8)
    # Output 2 and on: eight taps around the edge between two pixels, the kernel twice as wide.
    weights = [cubic((tap - 3.5) / 2) / 2 for tap in range(8)]
    wide = pixels.astype(float)
    rows = sum(w * wide[k : k + 120 : 2] for k, w in enumerate(weights, start=1))
    both = sum(w * rows[:, k : k + 120 : 2] for k, w in enumerate(weights, start=1))
    assert np.abs(_thumb(Image.fromarray(pixels))[2:-2, 2:-2] - both).max() <= 1.5  # it rounds twice


def test_a_picture_of_one_pixel_fills_the_thumb() -> None:
    assert (_thumb(Image.new("RGB", (1, 1), (9, 8, 7))) == (9, 8, 7)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_over_white(mode: str) -> None:
    image = Image.new("LA", (128, 128), (0, 0))
    image.paste((100, 255), (0, 0, 64, 128))
    thumb = _thumb(image if mode == "LA" else image.convert("RGBA").convert(mode))
    assert np.abs(thumb[:, :30].astype(int) - 100).max() <= 1
    assert (thumb[:, 34:] == 255).all()


def test_half_transparency_is_half_white() -> None:
    thumb = _thumb(Image.new("RGBA", (64, 64), (200, 0, 0, 128)))
    expected = np.array([200, 0, 0]) * 128 / 255 + 255 * 127 / 255
    assert np.abs(thumb - expected).max() <= 1


def test_a_palette_with_a_transparent_entry_is_over_white() -> None:
    image = Image.new("P", (64, 64), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(1, (0, 0, 32, 64))
    assert (_thumb(image)[0, 0] == (40, 50, 60)).all()
    image.info["transparency"] = 0
    assert (_thumb(image)[0, 63] == (255, 255, 255)).all()
    assert (_thumb(image)[0, 0] == (40, 50, 60)).all()


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_keep_their_upper_byte(dtype: str) -> None:
    levels = np.arange(64 * 64).reshape(64, 64) * 16
    assert (_thumb(Image.fromarray(levels.astype(dtype)))[..., 0] == levels >> 8).all()


def test_floats_are_stretched_and_nan_is_the_smallest() -> None:
    values = np.full((64, 64), 5.0, dtype=np.float32)
    values[0, 0], values[0, 1], values[0, 2] = -5.0, np.nan, 0.0
    thumb = _thumb(Image.fromarray(values))
    assert thumb[0, :4, 0].tolist() == [0, 0, 128, 255]


def test_floats_without_a_finite_value_or_with_the_widest_range() -> None:
    assert (_thumb(Image.fromarray(np.full((4, 4), np.nan, dtype=np.float32))) == 0).all()
    widest = np.full((64, 64), np.finfo(np.float32).max)
    widest[0, 0] *= -1
    assert _thumb(Image.fromarray(widest))[0, :2, 0].tolist() == [0, 255]


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "1", "L"])
def test_white_stays_white_in_every_mode(mode: str) -> None:
    image = Image.new("RGB", (100, 50), "white").convert(mode)
    assert (_thumb(image) >= 254).all()


def test_a_mode_without_a_way_to_rgb_has_no_thumb() -> None:
    assert thumbnail(Image.new("LAB", (8, 8))) is None
