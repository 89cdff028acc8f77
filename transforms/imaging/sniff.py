"""Tell an image's real format from its first bytes."""

import re

from schemas.config import ENDINGS

_SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("jpeg", rb"\xff\xd8\xff"),
        ("png", rb"\x89PNG\r\n\x1a\n"),
        ("webp", rb"RIFF.{4}WEBP"),
        ("gif", rb"GIF8[79]a"),
        ("avif", rb".{4}ftyp(?:avi[fs]|(?:mif1|msf1|miaf).{4}(?:.{4}){0,8}?avi[fs])"),
        ("tiff", rb"II[*+]\0|MM\0[*+]"),
        # "BM" alone begins many a text; the size of a BMP's second header is below 256.
        ("bmp", rb"BM.{12}.\0\0\0"),
    )
)

FORMAT_OF_ENDING = {ending: name for name, endings in ENDINGS.items() for ending in endings}
"""The format that a file's ending claims; the usual ending of each format first."""

HEAD_BYTES = 64
"""Bytes from the start that tell any of the formats."""


def image_format(data: bytes) -> str | None:
    """Return jpeg, png, webp, gif, avif, tiff or bmp by the signature, or None; `HEAD_BYTES` are enough.

    The signatures are those of the formats' specifications (the `ftyp` box of ISO 14496-12 for AVIF).
    """
    for name, signature in _SIGNATURES:
        if signature.match(data):
            return name
    return None


def disagreeing_ending(member_name: str, real_format: str) -> str | None:
    """Return the member's ending where it claims another format than the real one, else None.

    >>> disagreeing_ending("000.jpg", "png")
    'jpg'
    """
    ending = member_name.rpartition(".")[2].lower()
    return ending if FORMAT_OF_ENDING.get(ending, real_format) != real_format else None
