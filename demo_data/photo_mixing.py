"""New photographs out of a few: two parts of two pictures, turned, blended, recoloured, with mild noise."""

from functools import cache

import numpy as np
from PIL import Image, ImageChops

from demo_data.perceptual_hash import perceptual_hash
from demo_data.photos import PHOTOS, load_photo
from demo_data.web_pictures import encode

SIZES_PX = ((640, 480), (640, 480), (640, 427), (480, 640), (600, 450), (667, 500))
NOISE_PX = (1200, 1100)
NOISE_SIGMA = 9.0
QUALITY = 95


@cache
def _noise() -> Image.Image:
    """Return noise around grey level 128, made once a process."""
    width, height = NOISE_PX
    values = (
        np.random.default_rng(0x2015E).standard_normal((height, width, 3), np.float32) * NOISE_SIGMA + 128
    )
    return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))


def _part(name: str, size_px: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """Return a part of the photograph, turned by up to 25 degrees and perhaps mirrored, size_px large."""
    picture = load_photo(name)
    width, height = size_px
    angle = random.uniform(-0.44, 0.44)
    cosine, sine = np.cos(angle), np.sin(angle)
    # Half the extent of the turned part, in its own pixels; scaled so that it lies inside the picture.
    half_x = (width * abs(cosine) + height * abs(sine)) / 2
    half_y = (width * abs(sine) + height * abs(cosine)) / 2
    scale = min(picture.width / 2 / half_x, picture.height / 2 / half_y) * random.uniform(0.5, 0.98)
    middle_x = random.uniform(half_x * scale, picture.width - half_x * scale)
    middle_y = random.uniform(half_y * scale, picture.height - half_y * scale)
    across = -scale if random.random() < 0.5 else scale
    a, b, d, e = across * cosine, -scale * sine, across * sine, scale * cosine
    c = middle_x - a * width / 2 - b * height / 2
    f = middle_y - d * width / 2 - e * height / 2
    return picture.transform(size_px, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


def _recoloured(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return the picture with another gain and gamma in each channel."""
    levels = np.arange(256) / 255
    tables = [levels ** random.uniform(0.7, 1.4) * random.uniform(0.8, 1.1) for _ in range(3)]
    return image.point([round(v) for v in np.clip(np.concatenate(tables) * 255, 0, 255).tolist()])


def mixed_photo(
    seed: int, index: int, attempt: int, size_px: tuple[int, int] | None = None
) -> tuple[bytes, int, str]:
    """Return a new photograph as JPEG, its perceptual hash before encoding, and a text that is true of it.

    The same arguments give the same bytes; another attempt is another picture.
    """
    random = np.random.default_rng([seed, index, attempt])
    size = size_px or SIZES_PX[random.integers(len(SIZES_PX))]
    first, second = (tuple(PHOTOS)[i] for i in random.choice(len(PHOTOS), 2, replace=False))
    image = Image.blend(_part(first, size, random), _part(second, size, random), random.uniform(0.25, 0.5))
    left, top = (int(random.integers(0, n - m)) for n, m in zip(NOISE_PX, size, strict=True))
    noise = _noise().crop((left, top, left + size[0], top + size[1]))
    image = ImageChops.add(_recoloured(image, random), noise, offset=-128)
    text = f"{PHOTOS[first].alt_text}, blended with another photo: {PHOTOS[second].alt_text}"
    return encode(image, QUALITY), perceptual_hash(image), text
