"""What opening a picture from strangers may raise."""

import struct
import zlib

from PIL import Image

HOSTILE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow 12 raises on broken files, most of it from places that expected whole ones.

`MemoryError` is none: the machine's want of memory must not be recorded as a picture's damage.
"""
