"""One 512-byte header of a tar, and the records of an extended one.

Formats: POSIX.1-1988 (ustar), POSIX.1-2001 (pax), and GNU tar's manual, "Basic Tar Format", for its own.
"""

from dataclasses import dataclass

BLOCK = 512
ZEROS = bytes(BLOCK)
_USTAR = b"ustar\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says. `size` is that of the data in the archive, in bytes."""

    name: bytes
    size: int
    kind: bytes
    extended: bool = False  # an old GNU sparse map goes on in the next block


def parse_header(block: bytes) -> Header | None:
    """Return the header in a block of 512 bytes, or None where its checksum or size is no number or wrong."""
    try:
        stored = _octal(block[148:156])
        size = _number(block[124:136])
    except ValueError:
        return None
    if size < 0 or not _sums_to(block, stored):
        return None
    kind = block[156:157]
    name = block[:100].split(b"\0", 1)[0]
    if block[345] and block[257:263] == _USTAR:
        name = block[345:500].split(b"\0", 1)[0] + b"/" + name
    if kind == b"\0" and name.endswith(b"/"):
        kind = b"5"
    return Header(name=name, size=size, kind=kind, extended=kind == b"S" and block[482] != 0)


def _sums_to(block: bytes, stored: int) -> bool:
    """Check the sum of the bytes, the checksum's own counted as spaces; some old tars summed signed bytes."""
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if total == stored:
        return True
    high = sum(byte > 127 for byte in block[:148] + block[156:])
    return total - 256 * high == stored


def _octal(field: bytes) -> int:
    digits = field.split(b"\0", 1)[0].strip(b" ")
    if digits.isdigit():
        return int(digits, 8)
    if digits:
        raise ValueError("no octal number")
    return 0


def _number(field: bytes) -> int:
    """Return an octal number, or a base-256 one as GNU tar writes what octal digits cannot hold."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return -1
    return _octal(field)


def parse_pax(payload: bytes) -> dict[bytes, bytes]:
    r"""Return the records of a pax header.

    >>> parse_pax(b"14 path=a.jpg\n")
    {b'path': b'a.jpg'}

    Raises:
        ValueError: a record is malformed.
    """
    records = {}
    at = 0
    while at < len(payload) and payload[at] != 0:
        space = payload.find(b" ", at, at + 20)
        digits = payload[at:space] if space > at else b""
        length = int(digits) if digits.isdigit() else 0
        record = payload[space + 1 : at + length]
        if not record.endswith(b"\n") or b"=" not in record or at + length > len(payload):
            raise ValueError(f"pax record at byte {at} is malformed")
        keyword, _, value = record[:-1].partition(b"=")
        records[keyword] = value
        at += length
    return records
