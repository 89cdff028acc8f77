"""Reads published shards back, taking nothing on trust."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from transforms.publish.tar_writer import BLOCK, make_header, make_trailer, padding

_EMPTY = bytes(BLOCK)


class DamagedArchiveError(Exception):
    """A tar that is not as `TarWriter` writes it, so that reading stops there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of a published tar; `offset` is of its data's first byte."""

    name: str
    offset: int
    data: bytes


def read_members(stream: IO[bytes]) -> Iterator[Member]:
    """Yield the members of a published tar, one in memory at a time; every byte between them is checked.

    Raises:
        DamagedArchiveError: a header, the padding or the end is not what `TarWriter` writes, or bytes lack.
    """
    size = 0
    while (header := stream.read(BLOCK)) != _EMPTY:
        info = _parse(header, size)
        offset = size + BLOCK
        data = stream.read(info.size)
        if len(data) < info.size:
            raise DamagedArchiveError(f"{info.name} ends after {len(data)} of {info.size} bytes")
        if stream.read(len(padding(info.size))) != padding(info.size):
            raise DamagedArchiveError(f"{info.name} is not padded with zeros")
        size = offset + info.size + len(padding(info.size))
        yield Member(name=info.name, offset=offset, data=data)
    trailer = make_trailer(size)
    if stream.read(len(trailer)) != trailer[BLOCK:]:
        raise DamagedArchiveError("the end of the archive is not zeros up to a whole record")


def _parse(header: bytes, offset: int) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "backslashreplace")
        wanted = make_header(info.name, info.size)
    except (tarfile.HeaderError, ValueError) as error:
        raise DamagedArchiveError(f"no member's header at byte {offset}: {error}") from error
    if header != wanted:
        facts = f"mode {info.mode:o}, owner {info.uid}/{info.gid}, mtime {info.mtime}, type {info.type!r}"
        raise DamagedArchiveError(f"the header of {info.name} is not a plain published one ({facts})")
    return info
