"""Read the orientation from EXIF bytes that may be hostile."""

import struct

_TAG = 0x0112
_SHORT, _LONG = 3, 4
_MAX_ENTRIES = 1024


def exif_orientation(exif: bytes) -> int:
    """Return EXIF tag 0x0112 (1..8) of the first directory, or 1 where it is missing or broken.

    `exif` is a TIFF structure, with or without the `Exif\\0\\0` before it (EXIF 2.32, section 4.6).
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(min(entries, _MAX_ENTRIES)):
            place = directory + 2 + 12 * entry
            tag, kind, count = struct.unpack_from(order + "HHI", tiff, place)
            if tag == _TAG and count == 1 and kind in (_SHORT, _LONG):
                (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), tiff, place + 8)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # a directory that points past the end
        return 1
    return 1
