"""Shards to read, written by the standard library."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from schemas.config import InputConfig
from schemas.shard import Shard, ShardFormat

Members = Iterable[tuple[str, bytes]]


def tar_bytes(members: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def config() -> InputConfig:
    return InputConfig(shards=("*.tar",))


@pytest.fixture(scope="session")
def make_tar() -> Callable[..., bytes]:
    return tar_bytes


@pytest.fixture(scope="session")
def make_shard(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Shard]:
    folder: Path = tmp_path_factory.mktemp("shards")

    def make(data: bytes | Members, *, form: ShardFormat = "tar", name: str = "0") -> Shard:
        if not isinstance(data, bytes):
            data = tar_bytes(data)
            data = gzip.compress(data, mtime=0) if form == "tar.gz" else data
        path = folder / f"{name}.{form}"
        path.write_bytes(data)
        return Shard(order=0, name=path.name, path=str(path), size_bytes=len(data), format=form)

    return make
