"""Folders of classes."""

from pathlib import Path

import pytest

from clip_evaluation.datasets.class_folder import class_names, read_class_folder
from schemas.errors import ConfigError, RunError


def make(root: Path) -> None:
    for name in (
        "dog",
        "cat/b.PNG",
        "cat/a.jpg",
        "dog/x.webp",
        "dog/.DS_Store",
        ".hidden/x.jpg",
        "README.md",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix or name.startswith("dog/"):
            path.write_bytes(name.encode())
        else:
            path.mkdir()


def test_classes_and_pictures(tmp_path: Path) -> None:
    make(tmp_path)
    assert class_names(tmp_path) == ("cat", "dog")
    found = [(picture.key, picture.label, picture.image) for picture in read_class_folder(tmp_path)]
    assert found == [
        ("cat/a.jpg", 0, b"cat/a.jpg"),
        ("cat/b.PNG", 0, b"cat/b.PNG"),
        ("dog/x.webp", 1, b"dog/x.webp"),
    ]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 class folders"):
        class_names(tmp_path / "nowhere")
    make(tmp_path)
    (tmp_path / "emu").mkdir()
    with pytest.raises(ConfigError, match="emu is an empty class"):
        list(read_class_folder(tmp_path))
    (tmp_path / "emu" / "notes.txt").write_text("")
    with pytest.raises(RunError, match=r"notes.txt is no picture"):
        list(read_class_folder(tmp_path))
