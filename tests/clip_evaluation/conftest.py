"""Shards, pictures and a checkpoint made here."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clip_evaluation.pictures import hash_of
from tests.clip_evaluation.oracle import NAMES, png
from tests.tars import write_tar
from tests.tiny_clip import save_clip


@pytest.fixture(name="write_tar")
def write_below(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of plain tars below the test's folder, members in their order."""
    return lambda name, members: write_tar(tmp_path / name, members)


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
