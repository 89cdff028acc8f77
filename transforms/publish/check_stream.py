"""Hashes a file while it is checked, so that it is read once."""

import hashlib
import io
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 2**20


class HashedReader(io.BufferedReader):
    """A reader that takes the size and the hash of all that is read through it.

    >>> reader = HashedReader(io.BytesIO(b"abc"))
    >>> reader.read(1), reader.finish()[0], reader.finish()[1][:8]
    (b'a', 3, 'ba7816bf')
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._hashing = _Hashing(stream)
        super().__init__(self._hashing, _BLOCK)

    def finish(self) -> tuple[int, str]:
        """Read what is left; return the size of the whole in bytes, and its SHA-256 in hex."""
        while self.read(_BLOCK):
            pass
        return self._hashing.size, self._hashing.digest.hexdigest()


class _Hashing(io.RawIOBase):
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self.digest.update(data)
        self.size += len(data)
        return len(data)
