"""Corruptions against scikit-image and closed forms."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian

from clip_evaluation.corruption import CORRUPTIONS, SEVERITIES, corrupt


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, size=(14, 14, 3), dtype=np.uint8))
    return small.resize((224, 224), Image.Resampling.BICUBIC)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float64) / 255


def test_severity_0_is_the_picture(picture: Image.Image) -> None:
    for kind in CORRUPTIONS:
        np.testing.assert_array_equal(corrupt(picture, kind, 0), picture)


@pytest.mark.parametrize("kind", sorted(CORRUPTIONS))
def test_worse_severities_are_farther_off_and_repeatable(picture: Image.Image, kind: str) -> None:
    off = []
    for severity in SEVERITIES:
        result = corrupt(picture, kind, severity, seed=5)
        assert (result.mode, result.size) == ("RGB", picture.size)
        np.testing.assert_array_equal(result, corrupt(picture, kind, severity, seed=5))
        off.append(np.abs(pixels(result) - pixels(picture)).mean())
    assert off == sorted(off)
    assert off[0] > 0


def test_blur_against_scikit_image(picture: Image.Image) -> None:
    for severity, sigma in ((1, 1), (3, 3), (5, 6)):
        expected = gaussian(pixels(picture), sigma=sigma, channel_axis=2, truncate=4.0, mode="nearest")
        np.testing.assert_allclose(
            pixels(corrupt(picture, "gaussian_blur", severity)), expected, atol=0.51 / 255
        )


def test_blur_is_the_same_part_of_a_smaller_picture(picture: Image.Image) -> None:
    half = picture.resize((112, 112))
    expected = gaussian(pixels(half), sigma=3, channel_axis=2, truncate=4.0, mode="nearest")
    np.testing.assert_allclose(pixels(corrupt(half, "gaussian_blur", 5)), expected, atol=0.51 / 255)


def test_brightness_against_scikit_image(picture: Image.Image) -> None:
    dark = picture.point(lambda value: max(0, value - 100))
    assert (pixels(dark) == 0).all(axis=2).any()
    hsv = rgb2hsv(pixels(dark))
    hsv[..., 2] = np.clip(hsv[..., 2] + 0.3, 0, 1)
    np.testing.assert_allclose(pixels(corrupt(dark, "brightness", 3)), hsv2rgb(hsv), atol=0.51 / 255)


def test_contrast_in_closed_form(picture: Image.Image) -> None:
    before, after = pixels(picture), pixels(corrupt(picture, "contrast", 3))
    np.testing.assert_allclose(after.mean(axis=(0, 1)), before.mean(axis=(0, 1)), atol=1e-3)
    np.testing.assert_allclose(after.std(axis=(0, 1)), 0.2 * before.std(axis=(0, 1)), rtol=0.01)


def test_noise_has_its_moments() -> None:
    grey = Image.new("RGB", (224, 224), (128, 128, 128))
    gauss = pixels(corrupt(grey, "gaussian_noise", 2))
    assert gauss.mean() == pytest.approx(128 / 255, abs=2e-3)
    assert gauss.std() == pytest.approx(0.12, rel=0.02)
    shot = pixels(corrupt(grey, "shot_noise", 1))
    assert shot.mean() == pytest.approx(128 / 255, abs=2e-3)
    assert shot.std() == pytest.approx(np.sqrt(128 / 255 / 60), rel=0.03)
    assert (pixels(corrupt(grey, "gaussian_noise", 2, seed=1)) != gauss).any()


def test_jpeg_and_pixelate(picture: Image.Image) -> None:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=10)
    np.testing.assert_array_equal(corrupt(picture, "jpeg", 4), Image.open(stored))
    blocks = np.asarray(corrupt(picture, "pixelate", 5)).reshape(56, 4, 56, 4, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    expected = np.asarray(picture, dtype=np.float64).reshape(56, 4, 56, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(blocks[:, 0, :, 0], expected, atol=1.01)


def test_tiny_pictures() -> None:
    for kind in CORRUPTIONS:
        assert corrupt(Image.new("RGB", (1, 2), (0, 0, 0)), kind, 5).size == (1, 2)


def test_errors(picture: Image.Image) -> None:
    with pytest.raises(ValueError, match="mode RGBA"):
        corrupt(picture.convert("RGBA"), "jpeg", 1)
    with pytest.raises(ValueError, match="no corruption 'fog'"):
        corrupt(picture, "fog", 1)
    with pytest.raises(ValueError, match="severity is 6"):
        corrupt(picture, "jpeg", 6)
