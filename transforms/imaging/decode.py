"""Decode an untrusted image far enough to measure it, or say what is wrong with it."""

import io
import struct
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from schemas.pictures import HOSTILE
from transforms.imaging.orientation import exif_orientation
from transforms.imaging.sniff import image_format
from transforms.imaging.thumbnail import Box, thumbnail

# Pillow warns of what it then mends (broken TIFF tags, APNG headers); a warning a picture helps nobody.
# Not per call: `warnings.catch_warnings` is not safe in threads.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

MIN_SIDE_PX = 48
"""A JPEG is decoded at the smallest of 1/8, 1/4, 1/2, 1/1 whose shorter side is still this long."""

MAX_SIDE_PX = 1_000_000
"""A longer side is not decoded: reducing it takes 32 bytes a pixel, and Pillow fails from 2 ** 29 on."""

MAX_TIFF_FRAMES = 256
"""Directories of a TIFF are counted up to here."""

_MAX_VALUE_CHARS = 120
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a picture is. `width` and `height` are in px as stored, before `orientation` (EXIF 1..8).

    `frames` of a JPEG is 1 even where it carries further pictures (MPO): nothing plays them. `orientation`
    of a TIFF is 1, and its size is the upright one: the decoder turns it itself. `thumb` is (64, 64, 3) RGB.
    """

    format: str
    mode: str
    width: int
    height: int
    frames: int
    orientation: int
    thumb: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why a picture was not decoded: a reason of `schemas.reasons`, and a short text."""

    reason: str
    value: str


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Do nothing: the resolution is not needed, and parsing it lets broken EXIF fail the image."""


# Opened by class and not by `Image.open`, whose own pixel limit is a global that would override `max_pixels`,
# and which hands a JPEG on to the MPO parser.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": _Jpeg,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
}


def decode(data: bytes, *, formats: Sequence[str], max_pixels: int) -> Decoded | Damage:
    """Return what the picture is and a thumb of it, or the damage.

    The whole file is decoded, so a truncated one is found. Nothing is decoded of a format that is not in
    `formats`, nor of a picture whose header declares more than `max_pixels` or a side over `MAX_SIDE_PX`. A
    broken EXIF block never fails a JPEG, PNG or WebP: its orientation is then 1.

    Raises:
        MemoryError: the machine has too little for a picture within these limits.
    """
    if not data:
        return Damage(reason="empty_image", value="0 bytes")
    name = image_format(data)
    if name is None:
        return Damage(reason="unknown_format", value=f"begins with {data[:8].hex(' ')}")
    if name not in formats:
        return Damage(reason="unsupported_format", value=name)
    if _ends_early(name, data):
        return Damage(reason="truncated_image", value=f"{name}: the end of the file is missing")
    try:
        return _decode(name, data, max_pixels)
    except Image.DecompressionBombError as error:
        return Damage(reason="oversized_image", value=_short(name, error))
    except HOSTILE as error:
        reason = "truncated_image" if _is_truncation(error) else "damaged_image"
        return Damage(reason=reason, value=_short(name, error))


def _decode(name: str, data: bytes, max_pixels: int) -> Decoded | Damage:
    image = _PLUGINS[name](io.BytesIO(data))
    (width, height), mode = image.size, image.mode
    if width * height > max_pixels or max(width, height) > MAX_SIDE_PX:
        return Damage(reason="oversized_image", value=f"{width}x{height}")
    frames = _count_frames(image)
    box = None
    if name == "jpeg":
        box = _draft(image)
        image.decodermaxblock = len(data)  # one read in place of a growing copy for every 64 KiB
    image.load()
    thumb = thumbnail(image, box)
    if thumb is None:
        return Damage(reason="unsupported_format", value=f"{name} in mode {mode}")
    exif = image.info.get("exif")
    orientation = exif_orientation(exif) if isinstance(exif, bytes) and name != "tiff" else 1
    return Decoded(
        format=name,
        mode=mode,
        width=width,
        height=height,
        frames=frames,
        orientation=orientation,
        thumb=thumb,
    )


def _count_frames(image: ImageFile.ImageFile) -> int:
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(getattr(image, "n_frames", 1))
    # Pillow's own count of a TIFF takes quadratic time, and a directory needs only six bytes.
    frames = 1
    with suppress(EOFError):
        while frames < MAX_TIFF_FRAMES:
            image.seek(frames)
            frames += 1
    image.seek(0)
    return frames


def _draft(image: ImageFile.ImageFile) -> Box | None:
    """Have a JPEG decoded at reduced scale; return what of the reduced picture is the picture.

    libjpeg rounds a reduced side up, so that up to a pixel of it lies behind the picture's edge.
    """
    shorter = min(image.size)
    scale = next((s for s in (8, 4, 2) if -(-shorter // s) >= MIN_SIDE_PX), 1)
    drafted = image.draft(image.mode, (max(1, image.width // scale), max(1, image.height // scale)))
    return drafted[1] if drafted else None


def _ends_early(name: str, data: bytes) -> bool:
    """Return whether the container says that bytes are missing: decoders let the end of a PNG be cut off."""
    if name == "png":
        return data.rfind(_PNG_END) < 0
    if name == "webp":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    return False


def _is_truncation(error: BaseException) -> bool:
    # Pillow's readers run into these at the end of the data, and turn some of them into a SyntaxError.
    ran_out = (EOFError, IndexError, struct.error)
    return "truncated" in str(error).lower() or isinstance(error.__cause__ or error, ran_out)


def _short(name: str, error: BaseException) -> str:
    return f"{name}: {error or type(error).__name__}"[:_MAX_VALUE_CHARS]
