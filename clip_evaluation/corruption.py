"""Corruptions of pictures in five severities, after ImageNet-C.

Hendrycks & Dietterich 2019 (arXiv 1903.12261); the severities are those of their code
(github.com/hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py), which expects pictures of 224 px.
Blur is scaled with the shorter side, so that it is the same part of the picture at other sizes; noise is per
pixel. Results are rounded, where theirs are cut.
"""

import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEVERITIES = (1, 2, 3, 4, 5)
REFERENCE_SIDE_PX = 224

Pixels = NDArray[np.float64]
"""(height, width, 3) in 0..1."""

_NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation
_SHOTS = (60.0, 25.0, 12.0, 5.0, 3.0)  # photons of a white pixel
_BLUR = (1.0, 2.0, 3.0, 4.0, 6.0)  # standard deviation, px at 224
_JPEG = (25, 18, 15, 10, 7)  # quality
_CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # share that is left
_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)  # added to the value of HSV
_PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)  # share of the side
_TRUNCATE = 4.0  # standard deviations


def corrupt(image: Image.Image, kind: str, severity: int, *, seed: int = 0) -> Image.Image:
    """Return the picture, corrupted; severity 0 leaves it as it is. Noise depends on `seed` alone.

    Give pictures as the model sees them, after resize and crop, and each its own seed.

    Args:
        image: RGB.
        kind: one of `CORRUPTIONS`.
        severity: 0 to 5.
        seed: of the noise.

    Raises:
        ValueError: the picture is not RGB, or there is no such kind or severity.
    """
    if image.mode != "RGB":
        raise ValueError(f"a picture of mode {image.mode} cannot be corrupted; convert it to RGB")
    if kind not in CORRUPTIONS:
        raise ValueError(f"no corruption {kind!r}; there are {', '.join(CORRUPTIONS)}")
    if severity not in (0, *SEVERITIES):
        raise ValueError(f"severity is {severity}; it must be 0 to 5")
    if severity == 0:
        return image.copy()
    return CORRUPTIONS[kind](image, severity - 1, np.random.default_rng(seed))


def gaussian_kernel(sigma: float) -> NDArray[np.float64]:
    """Return the weights of a Gaussian, cut at four standard deviations, summing to 1."""
    radius = int(_TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def _gaussian_noise(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    pixels = _pixels(image)
    return _image(pixels + rng.normal(scale=_NOISE[level], size=pixels.shape))


def _shot_noise(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return _image(rng.poisson(_pixels(image) * _SHOTS[level]) / _SHOTS[level])


def _gaussian_blur(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    pixels = _pixels(image)
    kernel = gaussian_kernel(_BLUR[level] * min(image.size) / REFERENCE_SIDE_PX)
    for axis in (0, 1):
        pixels = _convolve(pixels, kernel, axis)
    return _image(pixels)


def _jpeg(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG[level])
    return Image.open(buffer).convert("RGB")


def _contrast(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    pixels = _pixels(image)
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    return _image((pixels - mean) * _CONTRAST[level] + mean)


def _brightness(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Raise the value of HSV: the same as scaling RGB, and grey where the pixel is black."""
    pixels = _pixels(image)
    value = pixels.max(axis=2, keepdims=True)
    raised = np.minimum(value + _BRIGHTNESS[level], 1)
    scaled = pixels * (raised / np.where(value > 0, value, 1))
    return _image(np.where(value > 0, scaled, raised))


def _pixelate(image: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    small = tuple(max(1, math.floor(side * _PIXELATE[level])) for side in image.size)
    return image.resize((small[0], small[1]), Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)


CORRUPTIONS: dict[str, Callable[[Image.Image, int, np.random.Generator], Image.Image]] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "gaussian_blur": _gaussian_blur,
    "jpeg": _jpeg,
    "contrast": _contrast,
    "brightness": _brightness,
    "pixelate": _pixelate,
}
"""What pictures can be corrupted by."""


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.float64) / 255


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _convolve(pixels: Pixels, kernel: NDArray[np.float64], axis: int) -> Pixels:
    radius, length = len(kernel) // 2, pixels.shape[axis]
    places = np.arange(length)
    result = np.zeros_like(pixels)
    for shift, weight in enumerate(kernel):
        # Beyond the edge its own pixels go on.
        source = np.clip(places + shift - radius, 0, length - 1)
        result += weight * np.take(pixels, source, axis=axis)
    return result
