"""Shards, pictures and a checkpoint made here."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clip_evaluation.pictures import hash_of
from tests.clip_evaluation.oracle import NAMES, png
from tests.tiny_clip import save_clip


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


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Return a maker of pictures: noise of a seed as a file."""

    def make(seed: int, size: tuple[int, int] = (40, 32), kind: str = "PNG") -> bytes:
        noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, kind)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a random CLIP."""
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def class_folder(tmp_path: Path) -> tuple[Path, dict[bytes, str]]:
    """Return a folder of 3 classes of 20 pictures, and the text of each picture's class."""
    planted = {}
    for name in NAMES:
        (tmp_path / "classes" / name).mkdir(parents=True)
        for number in range(20):
            data = png(f"{name} {number}")
            (tmp_path / "classes" / name / f"{number:02}.png").write_bytes(data)
            planted[hash_of(data)] = f"a photo of a {name}."
    return tmp_path / "classes", planted
