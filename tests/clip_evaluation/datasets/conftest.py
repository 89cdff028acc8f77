"""Shards made here."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write_tar(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of plain tars below the test's folder, members in their order."""

    def write(name: str, members: list[tuple[str, bytes]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    return write
