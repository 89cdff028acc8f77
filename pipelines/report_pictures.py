"""The reduced pictures of a report, within the bytes that they may take in all."""

import base64
import io

from PIL import Image

from dataset_cards.report_sample import Picture
from dataset_cards.report_text import Allowance
from lvlm_workers.picture import UnreadablePictureError, shrink_picture
from schemas.pictures import HOSTILE

PICTURE_BYTES = 17_000_000
"""Of all pictures in the page, as base64."""

SIZES = (
    (384, 80),
    (384, 70),
    (320, 70),
    (256, 70),
    (224, 65),
    (192, 60),
    (160, 55),
    (128, 50),
    (96, 45),
    (64, 40),
)
"""Longer side in px and quality of the JPEG, tried in this order until one fits. A WebP of the same size in
bytes looks a little better, but takes ten times as long to make."""


def reduced_picture(data: bytes, room: Allowance, *, max_pixels: int) -> Picture:
    """Return the upright picture reduced so that it fits its share of the room, or why there is none.

    Args:
        data: of a picture that nobody vouches for.
        room: of all pictures still to come; what this one takes is noted there.
        max_pixels: a picture that declares more is not decoded.
    """
    share = room.share()
    try:
        with Image.open(io.BytesIO(data)) as header:
            size = header.size
        if size[0] * size[1] > max_pixels:
            picture = Picture(note=f"too large to be shown: {size[0]} x {size[1]} px")
        else:
            picture = _reduce(shrink_picture(data, SIZES[0][0] ** 2), share)
    except (UnreadablePictureError, *HOSTILE):
        picture = Picture(note="the picture cannot be decoded")
    room.spend(len(picture.uri or ""))
    return picture


def no_picture(note: str, room: Allowance) -> Picture:
    """Return a placeholder, whose share of the room the others may use."""
    room.spend(0)
    return Picture(note=note)


def _reduce(image: Image.Image, share: int) -> Picture:
    for side, quality in SIZES:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        uri = f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
        if len(uri) <= share:
            return Picture(uri=uri, width=image.width, height=image.height)
    return Picture(note="left out: the page's room for pictures is used up")
