"""Writes plain tar archives that depend on nothing but names and bytes."""

import hashlib
import io
from typing import IO

BLOCK = 512
RECORD = 20 * BLOCK
"""Archives end on a multiple of this, as POSIX pax and `tarfile` have it."""
MAX_SIZE = 8**11 - 1
"""Largest size that the eleven octal digits of a header hold, in bytes."""

_NAME = 100
_BEFORE_SIZE = b"0000644\0" + b"0000000\0" * 2  # mode, user, group
_BETWEEN = b"00000000000\0"  # modification time
_AFTER = b"0" + bytes(100) + b"ustar\x0000" + bytes(BLOCK - 265)  # plain file; no link, owner or device
_FIXED_SUM = sum(_BEFORE_SIZE) + sum(_BETWEEN) + 8 * ord(" ") + sum(_AFTER)


def make_header(name: str, size: int) -> bytes:
    """Return the 512-byte ustar header of a plain file: mode 0644, owner 0 without a name, time 0.

    Layout and checksum: POSIX.1-2017, pax, "ustar Interchange Format".

    Raises:
        ValueError: the name is not ASCII or over 100 characters, or the size is 8 GiB or more.
    """
    if not name.isascii() or not 0 < len(name) <= _NAME:
        raise ValueError(f"member name {name!r} does not fit; use 1 to {_NAME} ASCII characters")
    if size > MAX_SIZE:
        raise ValueError(f"member {name} has {size} bytes; a ustar member holds at most {MAX_SIZE}")
    digits = b"%011o\0" % size
    encoded = name.encode("ascii")
    checksum = b"%06o\0 " % (_FIXED_SUM + sum(encoded) + sum(digits))
    return encoded.ljust(_NAME, b"\0") + _BEFORE_SIZE + digits + _BETWEEN + checksum + _AFTER


def padding(size: int, multiple: int = BLOCK) -> bytes:
    """Return the zeros that fill `size` bytes up to a multiple."""
    return bytes(-size % multiple)


def make_trailer(size: int) -> bytes:
    """Return what ends an archive of `size` bytes: two zero blocks, filled to a whole record."""
    return bytes(2 * BLOCK) + padding(size + 2 * BLOCK, RECORD)


class TarWriter:
    """Writes members one after the other; `close` ends the archive and leaves the stream open."""

    def __init__(self, stream: IO[bytes] | io.BytesIO) -> None:
        self._stream = stream
        self._size = 0
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of what has been written, in hex."""
        return self._sha256.hexdigest()

    def add(self, name: str, data: bytes) -> int:
        """Write one member and return the place of its data's first byte in the archive."""
        header = make_header(name, len(data))
        for part in (header, data, padding(len(data))):
            self._write(part)
        offset = self._size + BLOCK
        self._size = offset + len(data) + -len(data) % BLOCK
        return offset

    def close(self) -> None:
        """Write the end of the archive."""
        self._write(make_trailer(self._size))

    def _write(self, data: bytes) -> None:
        self._sha256.update(data)
        self._stream.write(data)
