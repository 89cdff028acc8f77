"""Pictures for the model: decoded at reduced scale, cropped, resized.

Shape letters: C channels, H and W pixels.
"""

import io
import math
import struct

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from contrastive_trainer.data.sample import UnreadableSampleError
from schemas.boxes import WHOLE, Box

MAX_PIXELS = 100_000_000
_ASPECTS = (3 / 4, 4 / 3)
_TRIES = 10
HOSTILE = (OSError, ValueError, SyntaxError, NotImplementedError, struct.error, IndexError, EOFError)
"""What Pillow raises of hostile pictures."""


def draw_window(scale: tuple[float, float], width: int, height: int, random: np.random.Generator) -> Box:
    """Return the part of a picture that a random resized crop keeps, in 0..1 (Szegedy et al., 1409.4842).

    The area is drawn from `scale`, the aspect from 3/4 to 4/3 on a log scale; where ten draws do not fit, the
    whole picture is kept. A scale of (1, 1) keeps it always, as it is.
    """
    if scale == (1.0, 1.0):
        return WHOLE
    for _ in range(_TRIES):
        area = width * height * random.uniform(scale[0], scale[1])
        aspect = math.exp(random.uniform(math.log(_ASPECTS[0]), math.log(_ASPECTS[1])))
        wide, high = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if wide <= width and high <= height:
            x, y = random.uniform(0, width - wide), random.uniform(0, height - high)
            return (x / width, y / height, (x + wide) / width, (y + high) / height)
    return WHOLE


def load_picture(
    data: bytes, size: int, scale: tuple[float, float], random: np.random.Generator
) -> tuple[Tensor, Box]:
    """Return a picture as uint8 of (C, H, W) = (3, size, size), and the part of the upright one it shows.

    JPEGs are decoded at the least scale (1/2, 1/4, 1/8) that still has the pixels asked for, EXIF orientation
    is applied, transparency is laid over white, and the crop is squashed to a square with bicubic sampling.

    Raises:
        UnreadableSampleError: it cannot be decoded, or declares more than `MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableSampleError(f"a picture of {image.width} x {image.height} pixels")
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            wide, high = (image.height, image.width) if turned else image.size
            window = draw_window(scale, wide, high, random)
            share = min(window[2] - window[0], window[3] - window[1])
            needed = math.ceil(size / max(share, 1e-3))
            image.draft("RGB", (needed, needed))
            upright = over_white(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise UnreadableSampleError("a picture of too many pixels") from None
    except HOSTILE as error:
        raise UnreadableSampleError(f"a picture that cannot be decoded ({type(error).__name__})") from None
    wide, high = upright.size
    box = (window[0] * wide, window[1] * high, window[2] * wide, window[3] * high)
    resized = upright.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    image_HWC = np.asarray(resized)
    return torch.from_numpy(image_HWC.transpose(2, 0, 1).copy()), window


def over_white(image: Image.Image) -> Image.Image:
    """Return the picture as RGB, what is transparent laid over white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
