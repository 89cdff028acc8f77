"""An object store in memory, `shelf://` to Beam: nothing can append to an object, and a death is planned.

Objects appear whole when their writer ends. A rename is a copy and a removal, as it is in the cloud.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem


class Killed(BaseException):
    """The process is dead: nothing that it does any more has an effect."""


class Shelf(FileSystem):  # type: ignore[misc]
    """The store, and what was done to it; `reset` it before each use.

    `written` are the bytes that were sent. After so many changes as `lives` says, each use raises `Killed`.
    `before` is called with an operation and its path before it happens.
    """

    files: ClassVar[dict[str, bytes]] = {}
    written: ClassVar[int] = 0
    lives: ClassVar[int | None] = None
    before: ClassVar[Callable[[str, str], None] | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.files, cls.written, cls.lives, cls.before = {}, 0, None, None

    @classmethod
    def scheme(cls) -> str:
        return "shelf"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        return folder, name

    def has_dirs(self) -> bool:
        return False

    def _use(self, operation: str, path: str) -> None:
        if Shelf.before is not None:
            Shelf.before(operation, path)
        if Shelf.lives is not None and Shelf.lives <= 0:
            raise Killed
        if Shelf.lives is not None and operation in ("create", "copy", "delete"):
            Shelf.lives -= 1

    def _there(self, operation: str, path: str) -> bytes:
        self._use(operation, path)
        try:
            return self.files[path]
        except KeyError:
            raise BeamIOError(f"{operation} failed", {path: "no such object"}) from None

    def _list(self, prefix: str) -> Iterator[FileMetadata]:
        self._use("list", prefix)
        for path, data in sorted(self.files.copy().items()):
            if path.startswith(prefix):
                yield FileMetadata(path, len(data), 0.0)

    def exists(self, path: str) -> bool:
        self._use("exists", path)
        return path in self.files

    def size(self, path: str) -> int:
        return len(self._there("size", path))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), 0.0)

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> io.BytesIO:
        return io.BytesIO(self._there("open", path))

    @contextmanager
    def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Iterator[io.BytesIO]:
        stream = io.BytesIO()
        yield stream
        self._use("create", path)
        Shelf.written += len(stream.getvalue())
        self.files[path] = stream.getvalue()

    def copy(self, sources: list[str], destinations: list[str]) -> None:
        for source, destination in zip(sources, destinations, strict=True):
            self.files[destination] = self._there("copy", source)

    def rename(self, sources: list[str], destinations: list[str]) -> None:
        self.copy(sources, destinations)
        self.delete(sources)

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            self._there("delete", path)
            self.files.pop(path, None)

    mkdirs = last_updated = checksum = None
