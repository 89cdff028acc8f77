"""Photographs with words printed in them, whose place and ink are known."""

import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WORDS = (
    "summer", "garden", "chairs", "fresh", "bread", "market", "river", "yellow", "bicycle", "winter",
    "jacket", "window", "silver", "kitchen", "travel", "music", "coffee", "island", "forest", "bridge",
)  # fmt: skip
_LINES = 3
_QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A JPEG with words printed in it, and where their ink is (H, W)."""

    image: bytes
    text: str
    ink: NDArray[np.bool_]


def coco_pictures(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Yield the photographs with their alt texts, which may be empty."""
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            files = {member.name: tar.extractfile(member) for member in tar}
            data = {name: file.read() for name, file in files.items() if file is not None}
        for name in sorted(name for name in data if name.endswith(".jpg")):
            yield data[name], data[name.removesuffix("jpg") + "txt"].decode()


def print_words(image: bytes, seed: int, *, share: float, contrast: float, plain: bool) -> Printed:
    """Print three words, one below the other, somewhere in a picture.

    Args:
        share: of the picture's height that the font's size is; lower-case letters are about half of that.
        contrast: 1 is black or white, whichever is farther from the mean of what lies below; 0 is that mean.
        plain: whether what lies below is painted in its mean first.
    """
    random = np.random.default_rng(seed)
    picture = Image.open(io.BytesIO(image)).convert("RGB")
    text = "\n".join(random.choice(WORDS, _LINES, replace=False))
    font = ImageFont.load_default(share * picture.height)
    wide, high = (math.ceil(side) for side in ImageDraw.Draw(picture).textbbox((0, 0), text, font=font)[2:])
    left = int(random.integers(0, max(1, picture.width - wide)))
    top = int(random.integers(0, max(1, picture.height - high)))
    below = (left, top, min(picture.width, left + wide), min(picture.height, top + high))
    mean = np.asarray(picture.crop(below)).reshape(-1, 3).mean(axis=0)
    if plain:
        picture.paste(_colour(mean), below)
    far = 255.0 if mean.mean() < 128 else 0.0
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).text((left, top), text, fill=255, font=font)
    picture.paste(_colour(mean + contrast * (far - mean)), mask=mask)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return Printed(image=out.getvalue(), text=text, ink=np.asarray(mask) > 127)


def _colour(values: NDArray[np.float64]) -> tuple[int, int, int]:
    red, green, blue = np.rint(values).astype(int).tolist()
    return red, green, blue
