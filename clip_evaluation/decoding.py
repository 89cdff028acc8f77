"""Encoded pictures to pixels, and a cheap look at whether that will work."""

import io

from PIL import Image, ImageOps

from contrastive_trainer.data.picture import FORMATS, HOSTILE, MAX_PIXELS, over_white
from schemas.errors import RunError

_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB`\x82"
_TAIL = 64
"""Bytes at the end of a JPEG among which its end must be: some programs write zeros behind it."""


def decode(data: bytes) -> Image.Image:
    """Return an encoded picture as RGB, upright, what is transparent laid over white.

    Raises:
        RunError: it cannot be decoded, or declares over `MAX_PIXELS`; the message says what "its picture" is.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image)
            return over_white(ImageOps.exif_transpose(image))
    except HOSTILE as error:
        raise _broken(error) from None


def flaw(data: bytes) -> str:
    """Return why an encoded picture cannot be decoded, or "" where nothing speaks against it.

    Read are the header, whether JPEG, PNG and WebP have their end, and the checksums of a PNG; what fails
    that, or is of another format, is decoded. A JPEG or WebP that is damaged within is not found.
    """
    try:
        if not _looks_whole(data):
            decode(data)
    except RunError as error:
        return str(error)
    return ""


def _looks_whole(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image)
            return _has_end(image, data)
    except HOSTILE:
        return False


def _has_end(image: Image.Image, data: bytes) -> bool:
    match image.format:
        case "JPEG" | "MPO":
            return _JPEG_END in data[-_TAIL:]
        case "PNG":
            if not data.endswith(_PNG_END):
                return False
            image.verify()
            return True
        case "WEBP":
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)
        case _:
            return False


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise RunError(f"its picture of {image.width} x {image.height} pixels is too large")


def _broken(error: BaseException) -> RunError:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return RunError("its picture has too many pixels")
    return RunError(f"its picture cannot be decoded ({type(error).__name__})")
