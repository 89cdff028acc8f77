"""The bytes of a shard by their place, as they lie or decompressed."""

import os
import zlib
from typing import IO, Protocol

from schemas.shard import Shard
from transforms.reading.magic import GZIP
from transforms.storage import is_local, open_input

_CHUNK = 256 * 1024
BOMB_FLOOR = 64 * 2**20
"""Bytes that any compressed shard may expand to."""


class SourceError(Exception):
    """The bytes cannot be had for a fault of the shard's own; `reason` as in `schemas.reasons.REASONS`."""

    def __init__(self, reason: str, value: str) -> None:
        super().__init__(f"{reason}: {value}")
        self.reason = reason
        self.value = value


class Source(Protocol):
    """Bytes by place. One that is not `lazy` must be read in order, by one thread."""

    lazy: bool

    def reaches(self, offset: int) -> bool:
        """Return whether there are at least `offset` bytes; moves there."""

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`, fewer where the shard ends.

        Raises:
            SourceError: the compressed data end early, are broken, or a bomb; what lay before was given.
        """

    def close(self) -> None:
        """Release what it holds, unless something that it gave still needs it."""


class LocalFile:
    """A file of this machine, for any number of threads; closed when nothing refers to it any more."""

    lazy = True

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self._descriptor = -1
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if descriptor is None else descriptor
        self.size = os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def reaches(self, offset: int) -> bool:
        return offset <= self.size

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        if len(data) == size or not data:
            return data
        pieces = [data]
        while data and (missing := size - sum(map(len, pieces))):
            data = os.pread(self._descriptor, missing, offset + size - missing)
            pieces.append(data)
        return b"".join(pieces)

    def read_exactly(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset`.

        Raises:
            OSError: they are not there any more.
        """
        data = self.read(offset, size)
        if len(data) < size:
            raise OSError(f"{self.path!r} has only {len(data)} of {size} bytes at {offset}; it was changed")
        return data

    def close(self) -> None:
        """Do nothing: samples already given may still be read."""


class RemoteFile:
    """A file of another filesystem, for one thread."""

    lazy = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.size = stream.seek(0, os.SEEK_END)

    def reaches(self, offset: int) -> bool:
        return offset <= self.size

    def read(self, offset: int, size: int) -> bytes:
        self._stream.seek(offset)
        return read_all(self._stream, size)

    def close(self) -> None:
        self._stream.close()


class GzipFile:
    """The decompressed bytes of gzip data (RFC 1952, several members too), forward only, bounded memory."""

    lazy = False

    def __init__(self, stream: IO[bytes], max_expansion: float) -> None:
        self._stream = stream
        self._max_expansion = max_expansion
        self._inflate = zlib.decompressobj(wbits=31)
        self._bytes_in = 0
        self._bytes_out = 0
        self._buffer = b""
        self._used = 0  # of the buffer
        self._at = 0

    def reaches(self, offset: int) -> bool:
        while self._at < offset:
            left = len(self._buffer) - self._used
            if not left:
                if not self._fill():
                    return False
                continue
            step = min(left, offset - self._at)
            self._used += step
            self._at += step
        return True

    def read(self, offset: int, size: int) -> bytes:
        if offset < self._at:
            raise ValueError(f"gzip data are read forward only: {offset} lies before {self._at}")
        if not self.reaches(offset):
            return b""
        pieces = []
        while size and (self._used < len(self._buffer) or self._fill()):
            piece = self._buffer[self._used : self._used + size]
            pieces.append(piece)
            self._used += len(piece)
            self._at += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        self._stream.close()

    def _fill(self) -> bool:
        """Put the next decompressed bytes into the empty buffer; False where there are none."""
        self._buffer, self._used = b"", 0
        while not self._buffer:
            data = self._next_member() if self._inflate.eof else self._inflate.unconsumed_tail or self._take()
            if not data and self._inflate.eof:
                return False
            try:
                self._buffer = self._inflate.decompress(data, _CHUNK)
            except zlib.error as error:
                raise SourceError("damaged_shard", f"the gzip data are broken: {error}") from error
            if not data and not self._buffer:
                raise SourceError("truncated_shard", "the gzip data end early")
        self._count(len(self._buffer))
        return True

    def _next_member(self) -> bytes:
        """Begin the next gzip member, if there is one; what follows otherwise is padding or junk."""
        rest = self._inflate.unused_data.lstrip(b"\0")
        while len(rest) < len(GZIP) and (more := self._take()):
            rest = (rest + more).lstrip(b"\0")
        if not rest.startswith(GZIP):
            return b""
        self._inflate = zlib.decompressobj(wbits=31)
        return rest

    def _take(self) -> bytes:
        data = self._stream.read(_CHUNK)
        self._bytes_in += len(data)
        return data

    def _count(self, size: int) -> None:
        self._bytes_out += size
        if self._bytes_out > max(BOMB_FLOOR, self._max_expansion * self._bytes_in):
            value = f"{self._bytes_out} bytes from {self._bytes_in}"
            raise SourceError("expands_too_far", value)


def read_all(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes of a stream that may give fewer at once; fewer where it ends."""
    pieces = []
    while size and (data := stream.read(size)):
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)


def open_source(shard: Shard, max_expansion: float) -> tuple[Source, tuple[str, ...]]:
    """Open a tar by its first bytes; gzip data named .tar, or a tar named .tar.gz, is noted as mended.

    Raises:
        OSError: the file is not there or cannot be read.
    """
    if is_local(shard.path):
        local = LocalFile(shard.path)
        if local.read(0, len(GZIP)) != GZIP:
            return local, _note(shard, gzipped=False)
        return GzipFile(open_input(shard.path), max_expansion), _note(shard, gzipped=True)
    stream = open_input(shard.path)
    if read_all(stream, len(GZIP)) != GZIP:
        return RemoteFile(stream), _note(shard, gzipped=False)
    stream.seek(0)
    return GzipFile(stream, max_expansion), _note(shard, gzipped=True)


def _note(shard: Shard, *, gzipped: bool) -> tuple[str, ...]:
    if gzipped == (shard.format == "tar.gz"):
        return ()
    return ("gzip_named_tar",) if gzipped else ("tar_named_gzip",)
