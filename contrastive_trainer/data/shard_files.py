"""Open shards with the index of their samples; copies of remote ones."""

import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from contrastive_trainer.data.shard_list import REMOTE
from contrastive_trainer.data.tar_index import Members, index_tar
from schemas.errors import ConfigError


class ShardFiles:
    """Keeps the shards opened last; each process has its own.

    A remote shard is copied whole into `cache` through webdataset's `gopen` (http, s3, gs, pipe: ...); the
    copy's name is removed at once, its bytes when the shard is no longer kept.
    """

    def __init__(self, cache: str | None, *, keep: int) -> None:
        self._cache = cache
        self._keep = keep
        self._open: OrderedDict[str, tuple[BinaryIO, list[Members]]] = OrderedDict()
        self._broken: dict[str, str] = {}  # why: it is not tried again
        self._process = os.getpid()

    @contextmanager
    def open(self, path: str) -> Iterator[tuple[BinaryIO, list[Members]]]:
        """Yield a shard's stream and index.

        Raises:
            OSError: it cannot be read.
            ConfigError: it is remote and there is no folder for copies.
        """
        if self._process != os.getpid():  # forked: streams share their position with the parent's
            self._open.clear()
            self._process = os.getpid()
        if path in self._broken:
            raise OSError(self._broken[path])
        if path not in self._open:
            self._add(path)
        self._open.move_to_end(path)
        yield self._open[path]

    def _add(self, path: str) -> None:
        try:
            local = self._copy(path) if REMOTE in path else path
            self._open[path] = (open(local, "rb"), index_tar(local))  # noqa: SIM115  (closed when not kept)
        except OSError as error:
            self._broken[path] = str(error)
            raise
        if REMOTE in path:
            os.remove(local)  # the open stream keeps the bytes
        while len(self._open) > self._keep:
            self._open.popitem(last=False)[1][0].close()

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_open": OrderedDict()}

    def _copy(self, url: str) -> str:
        if self._cache is None:
            raise ConfigError(f"data.shards: {url} is remote; give data.cache, a folder for copies of shards")
        import webdataset

        os.makedirs(self._cache, exist_ok=True)
        name = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{os.getpid()}.tar"
        local = os.path.join(self._cache, name)
        try:
            with webdataset.gopen(url, "rb") as source, open(local, "wb") as target:
                shutil.copyfileobj(source, target)
        except Exception as error:  # whatever the opener of the scheme raises
            raise OSError(f"{url} cannot be read: {type(error).__name__}: {error}") from error
        return local
