"""Folders of classes."""

from collections import Counter
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
    (tmp_path / "cat" / "notes.txt").write_text("by hand")
    (tmp_path / "cat" / "LICENSE").write_text("free")
    assert class_names(tmp_path) == ("cat", "dog")
    left_out: Counter[str] = Counter()
    found = [(picture.key, picture.label, picture.image) for picture in read_class_folder(tmp_path, left_out)]
    assert found == [
        ("cat/a.jpg", 0, b"cat/a.jpg"),
        ("cat/b.PNG", 0, b"cat/b.PNG"),
        ("dog/x.webp", 1, b"dog/x.webp"),
    ]
    assert left_out == {"hidden_files": 1, "other_files": 2}


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="0 class folders"):
        class_names(tmp_path / "nowhere")
    make(tmp_path)
    (tmp_path / "emu").mkdir()
    for name in ("", ".DS_Store", "notes.txt"):
        if name:
            (tmp_path / "emu" / name).write_text("")
        with pytest.raises(ConfigError, match=r"emu is an empty class; put pictures \(.avif, "):
            list(read_class_folder(tmp_path, Counter()))
    (tmp_path / "emu" / "more").mkdir()
    with pytest.raises(RunError, match="emu/more is a folder within a class"):
        list(read_class_folder(tmp_path, Counter()))
    (tmp_path / "emu" / "more").rmdir()
    (tmp_path / "emu" / "gone.png").symlink_to("nowhere.png")
    with pytest.raises(RunError, match=r"emu/gone.png is no file"):
        list(read_class_folder(tmp_path, Counter()))


def test_shards_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "0.tar").write_bytes(b"")
    with pytest.raises(ConfigError, match="holds .tar shards, not a folder for each class; its kind is tar"):
        class_names(tmp_path)
