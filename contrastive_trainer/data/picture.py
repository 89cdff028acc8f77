"""Pictures for the model: decoded at reduced scale, cropped, resized, turned upright.

Shape letters: C channels, H and W pixels.
"""

import io
import math
import warnings

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from contrastive_trainer.data.sample import UnreadableSampleError
from schemas import pictures
from schemas.boxes import WHOLE, Box

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP")
"""Formats that are published; no other decoder of Pillow's is tried on what calls itself a picture."""

MAX_PIXELS = 100_000_000
MAX_SIDE_PX = 1_000_000
HOSTILE = (*pictures.HOSTILE, Image.DecompressionBombWarning)
"""What Pillow raises of hostile pictures, also where warnings are errors."""

# Pillow warns of what it then mends, and of pictures that `MAX_PIXELS` lets pass.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_ASPECTS = (3 / 4, 4 / 3)
_ORIENTATION = 0x0112
_TURN = Image.Transpose
_TURNS: dict[int, tuple[bool, bool, bool, Image.Transpose | None]] = {
    1: (False, False, False, None),
    2: (False, True, False, _TURN.FLIP_LEFT_RIGHT),
    3: (False, True, True, _TURN.ROTATE_180),
    4: (False, False, True, _TURN.FLIP_TOP_BOTTOM),
    5: (True, False, False, _TURN.TRANSPOSE),
    6: (True, False, True, _TURN.ROTATE_270),
    7: (True, True, True, _TURN.TRANSVERSE),
    8: (True, True, False, _TURN.ROTATE_90),
}
"""By EXIF orientation: whether a part's sides swap from the upright picture to the stored one, whether it is
then mirrored in x and in y, and what turns the stored picture upright."""


def draw_window(scale: tuple[float, float], random: np.random.Generator) -> Box:
    """Return the part of a picture that a random crop keeps, in 0..1; a scale of (1, 1) keeps it as it is.

    As Inception's crop (Szegedy et al., arXiv 1409.4842, section 6): the area is drawn from `scale`, the
    aspect from 3/4 to 4/3 on a log scale. The aspect is that of the part against the picture's own, as both
    are squashed to a square, and only such as fit are drawn, so that wide pictures are cropped as others are.
    """
    if scale == (1.0, 1.0):
        return WHOLE
    area = random.uniform(*scale)
    low, high = math.log(max(_ASPECTS[0], area)), math.log(min(_ASPECTS[1], 1 / area))
    aspect = math.exp(random.uniform(low, high))
    wide, high = min(1.0, math.sqrt(area * aspect)), min(1.0, math.sqrt(area / aspect))
    x, y = random.uniform(0, 1 - wide), random.uniform(0, 1 - high)
    return (x, y, x + wide, y + high)


def load_picture(
    data: bytes, size: int, scale: tuple[float, float], random: np.random.Generator
) -> tuple[Tensor, Box]:
    """Return a picture as uint8 of (C, H, W) = (3, size, size), and the part of the upright one it shows.

    JPEGs are decoded at the least scale (1/2, 1/4, 1/8) that still has the pixels asked for, EXIF orientation
    is applied, transparency is laid over white, and the crop is squashed to a square with bicubic sampling.

    Raises:
        UnreadableSampleError: it cannot be decoded, or declares more than `MAX_PIXELS`.
    """
    window = draw_window(scale, random)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE_PX:
                raise UnreadableSampleError(f"a picture of {image.width} x {image.height} pixels")
            small = _upright(image, window, size)
    except HOSTILE as error:
        raise UnreadableSampleError(f"a picture that cannot be decoded ({type(error).__name__})") from None
    return torch.from_numpy(np.asarray(small).transpose(2, 0, 1).copy()), window


def _upright(image: Image.Image, window: Box, size: int) -> Image.Image:
    """Return a part of the upright picture as an RGB square; it is cropped before it is turned."""
    if image.format not in ("JPEG", "MPO"):
        image.load()  # some have their EXIF behind the picture
    swap, mirror_x, mirror_y, turn = _TURNS[_orientation(image)]
    x0, y0, x1, y1 = (window[1], window[0], window[3], window[2]) if swap else window
    x0, x1 = (1 - x1, 1 - x0) if mirror_x else (x0, x1)
    y0, y1 = (1 - y1, 1 - y0) if mirror_y else (y0, y1)
    needed = math.ceil(size / min(x1 - x0, y1 - y0))
    # libjpeg rounds a reduced side up: up to a pixel of it lies behind the picture's edge.
    drafted = image.draft("RGB", (needed, needed))
    wide, high = drafted[1][2:] if drafted else image.size
    part = (x0 * wide, y0 * high, x1 * wide, y1 * high)
    bicubic = Image.Resampling.BICUBIC
    small = over_white(_in_colour(image).resize((size, size), bicubic, box=part, reducing_gap=2.0))
    return small if turn is None else small.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1..8; 1 where there is none or the EXIF block is broken."""
    block = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(block, bytes):  # Pillow turns a TIFF itself
        return 1
    try:
        exif = Image.Exif()
        exif.load(block)
        found = exif.get(_ORIENTATION)
    except HOSTILE:
        return 1
    return found if type(found) is int and found in _TURNS else 1


def over_white(image: Image.Image) -> Image.Image:
    """Return the picture as RGB, what is transparent laid over white."""
    colour = _in_colour(image)
    if colour.mode == "RGB":
        return colour
    ground = Image.new("RGBA", colour.size, "white")
    ground.alpha_composite(colour)
    return ground.convert("RGB")


def _in_colour(image: Image.Image) -> Image.Image:
    """Return the picture as RGB, or as RGBA where it has transparency.

    16-bit greys keep their upper byte; 32-bit numbers are stretched from the smallest to the largest.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float64)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        share = (np.where(np.isfinite(values), values, low) - low) / ((high - low) or 1.0)
        image = Image.fromarray(np.rint(share * 255).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)
