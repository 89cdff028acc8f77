"""Make of an untrusted picture what a model is sent: an upright RGB JPEG within a number of pixels."""

import io
import math
import threading
import warnings

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, UnidentifiedImageError

from schemas.pictures import HOSTILE

# Pictures are measured before they come here; what Pillow mends or thinks large needs no second word.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

QUALITY = 90
"""Of the JPEG that is sent."""

_FORMATS = ("PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_MAX_SIDE_PX = 16384
_LARGE_PX = 2**24
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_one_large = threading.Lock()


class UnreadablePictureError(Exception):
    """The bytes are no picture that can be decoded."""


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Do nothing: the resolution is not needed, and parsing it lets broken EXIF fail the image."""


def reduce_picture(data: bytes, max_pixels: int) -> bytes:
    """Return the picture as an upright JPEG in RGB of at most `max_pixels`, transparency over white.

    A grey or RGB JPEG that is so already is returned as it came, without being decoded. Larger JPEGs are
    decoded at a reduced scale. Large pictures are decoded one at a time, whatever the number of threads.

    Raises:
        UnreadablePictureError: it cannot be decoded.
    """
    try:
        image = _open(data)
        size = _fit(image.size, max_pixels)
        as_sent = isinstance(image, _Jpeg) and size == image.size and image.mode in ("L", "RGB")
        if as_sent and _orientation(image) == 1:
            return data
        out = io.BytesIO()
        _upright(image, size).save(out, "JPEG", quality=QUALITY)
    except HOSTILE as error:
        raise _unreadable(error) from error
    return out.getvalue()


def open_picture(data: bytes, max_pixels: int) -> Image.Image:
    """Return the picture that `reduce_picture` makes, decoded: in RGB, as a server would see it.

    Raises:
        UnreadablePictureError: it cannot be decoded.
    """
    jpeg = reduce_picture(data, max_pixels)
    try:
        return _Jpeg(io.BytesIO(jpeg)).convert("RGB")
    except HOSTILE as error:
        raise _unreadable(error) from error


def decode_picture(data: bytes, max_pixels: int) -> Image.Image:
    """Return the picture as it is: upright, in RGB, transparency over white.

    Raises:
        UnreadablePictureError: it cannot be decoded, or declares more than `max_pixels`.
    """
    try:
        image = _open(data)
        if image.width * image.height > max_pixels:
            raise UnreadablePictureError(
                f"the picture has {image.width} x {image.height} pixels, over {max_pixels} in all"
            )
        return _upright(image, image.size)
    except HOSTILE as error:
        raise _unreadable(error) from error


def shrink_picture(data: bytes, max_pixels: int) -> Image.Image:
    """Return the picture that `reduce_picture` makes, without a JPEG between, which blurs colours' borders.

    Raises:
        UnreadablePictureError: it cannot be decoded.
    """
    try:
        image = _open(data)
        return _upright(image, _fit(image.size, max_pixels))
    except HOSTILE as error:
        raise _unreadable(error) from error


def _open(data: bytes) -> ImageFile.ImageFile:
    if data[:2] == b"\xff\xd8":
        return _Jpeg(io.BytesIO(data))
    return Image.open(io.BytesIO(data), formats=_FORMATS)


def _unreadable(error: Exception) -> UnreadablePictureError:
    what = " ".join(str(error).split())[:120] or type(error).__name__
    if isinstance(error, UnidentifiedImageError):  # its own words name an address in memory
        what = "it is of no known format"
    return UnreadablePictureError(f"the picture cannot be decoded: {what}")


def _fit(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return the largest size of about the same shape within `max_pixels`.

    >>> _fit((1000, 500), 200_000), _fit((10, 10), 200), _fit((10_000_000, 1), 100)
    ((632, 316), (10, 10), (100, 1))
    """
    width, height = size
    scale = min(1.0, math.sqrt(max_pixels / (width * height)), _MAX_SIDE_PX / max(width, height))
    if scale == 1.0:
        return size
    width, height = max(1, int(width * scale)), max(1, int(height * scale))
    return min(width, max_pixels // height), min(height, max_pixels)


def _upright(image: ImageFile.ImageFile, size: tuple[int, int]) -> Image.Image:
    if image.width * image.height <= _LARGE_PX:
        return _resized(image, size)
    with _one_large:
        return _resized(image, size)


def _resized(image: ImageFile.ImageFile, size: tuple[int, int]) -> Image.Image:
    # The reduced scale is the smallest that still holds the size; libjpeg rounds its sides up, so that up
    # to a pixel behind the picture's edge is left out by the box.
    drafted = image.draft(image.mode, size)
    image.load()
    whole = _eight_bits(image)
    if whole.has_transparency_data:
        small = Image.new("RGBA", size, "white")
        small.alpha_composite(whole.convert("RGBA").resize(size, Image.Resampling.BICUBIC))
    else:
        rgb = whole if whole.mode == "L" else whole.convert("RGB")
        small = rgb.resize(size, Image.Resampling.BICUBIC, drafted[1] if drafted else None)
    turn = _UPRIGHT.get(_orientation(image))
    upright = small if turn is None else small.transpose(turn)
    return upright.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return 16-bit greys by their upper byte, and 32-bit ones stretched over their range."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode not in ("I", "F"):
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min() / 2, values.max() / 2  # halves: the range of finite floats need not be finite
    return Image.fromarray(np.rint((values / 2 - low) / ((high - low) or 1.0) * 255).astype(np.uint8))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except HOSTILE:  # a broken EXIF block fails no picture
        return 1
    return value if isinstance(value, int) else 1
