"""Pictures as the web has them: the views of our photographs at other sizes and qualities."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from demo_data.perceptual_hash import Distinct, distance, perceptual_hash
from demo_data.photos import PHOTOS, View, load_view, views

FAR = 12
"""Distance of the perceptual hashes that unplanted pictures keep: well over the 4 of a near duplicate."""
SHORTEST_SIDE_PX = 216


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPicture:
    """An encoded picture and a text that is true of it."""

    data: bytes
    text: str
    view: View
    mirrored: bool


def encode(image: Image.Image, quality: int) -> bytes:
    """Return the picture as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    """Return the picture in encoded bytes of our own making, as RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def resized(image: Image.Image, shorter_px: int) -> Image.Image:
    """Return the picture with that shorter side, its proportions kept."""
    scale = shorter_px / min(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def web_version(view: View, mirrored: bool, random: np.random.Generator) -> WebPicture:
    """Return the view as some site would have it: another size, another quality, perhaps mirrored."""
    image = load_view(view)
    if mirrored:
        image = ImageOps.mirror(image)
    shorter_px = int(random.integers(SHORTEST_SIDE_PX, 481))
    data = encode(resized(image, shorter_px), int(random.integers(62, 96)))
    text = f"Mirrored photo: {view.alt_text}" if mirrored else view.alt_text
    return WebPicture(data=data, text=text, view=view, mirrored=mirrored)


def distinct_pictures(seen: Distinct, random: np.random.Generator) -> Iterator[WebPicture]:
    """Yield every view, then the mirrored ones; only what looks clearly unlike all that `seen` holds."""
    for mirrored in (False, True):
        for name in PHOTOS:
            for view in views(name):
                picture = web_version(view, mirrored, random)
                if seen.add_if_far(perceptual_hash(decode(picture.data)), FAR):
                    yield picture


def shrunk_copy(data: bytes, random: np.random.Generator) -> bytes:
    """Return the picture encoded again, a little smaller: its perceptual hash at most 2 bits away.

    Raises:
        ValueError: no small change keeps the hash.
    """
    original = decode(data)
    value = perceptual_hash(original)
    for _ in range(20):
        shorter_px = max(SHORTEST_SIDE_PX - 8, round(min(original.size) * random.uniform(0.86, 0.97)))
        copy = encode(resized(original, shorter_px), int(random.integers(60, 90)))
        if copy != data and distance(perceptual_hash(decode(copy)), value) <= 2:
            return copy
    raise ValueError("no slightly smaller copy keeps the picture's perceptual hash; use another picture")


def panorama(view: View, random: np.random.Generator) -> bytes:
    """Return a strip of the view four times as wide as high."""
    image = load_view(view)
    high = image.width // 4
    top = int(random.integers(0, image.height - high))
    strip = image.crop((0, top, 4 * high, top + high))
    return encode(strip.resize((920, 230), Image.Resampling.LANCZOS), 85)
