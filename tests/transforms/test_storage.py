"""Files appear whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata

from schemas.facts import Verdict
from tests.object_store import Shelf
from transforms import storage


def verdict(index: int) -> Verdict:
    return Verdict(index=index, uid=str(index), key="k", stage="s", kind="dropped", reason="r", value="v")


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    storage.commit_bytes(str(path), b"old")
    with pytest.raises(KeyboardInterrupt), storage.commit(str(path)) as stream:
        stream.write(b"new")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_there_before_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.bin"
    with storage.commit(str(path)) as stream:
        stream.write(b"x")
        assert not path.exists()
    assert path.read_bytes() == b"x"


def test_half_written_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / f"{storage.TEMPORARY}1234-a.tar").write_bytes(b"x")
    (tmp_path / "a.tar").write_bytes(b"y")
    storage.remove_half_written(str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_tables_come_back_and_their_bytes_repeat(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": [["x"], None]})
    for name in ("one", "two"):
        storage.commit_table(str(tmp_path / name), table)
    assert storage.read_table(str(tmp_path / "one")) == table
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_rows_are_written_in_groups_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "ROW_GROUP", 3)
    path = str(tmp_path / "rows.parquet")
    assert storage.commit_rows(path, Verdict, (verdict(n) for n in range(7))) == 7
    assert [g.column("index").to_pylist() for g in storage.read_groups(path)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert storage.count_rows(path) == 7


def test_no_rows_make_an_empty_table(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    storage.commit_rows(path, Verdict, [])
    assert storage.count_rows(path) == 0
    assert "reason" in storage.read_table(path).column_names


def test_a_missing_folder_holds_no_files(tmp_path: Path) -> None:
    assert storage.list_files(str(tmp_path / "none")) == []
    assert storage.list_files("shelf://none") == []
    assert storage.list_files("tree://none") == []


class Tree(Shelf):
    """Has folders, and refuses to list one that is not there, as HDFS does."""

    @classmethod
    def scheme(cls) -> str:
        return "tree"

    def has_dirs(self) -> bool:
        return True

    def _list(self, prefix: str) -> Iterator[FileMetadata]:
        raise BeamIOError("List operation failed", {prefix: "no such folder"})
