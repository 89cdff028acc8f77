"""A mark changes when the remote file does; where nothing is told there is none."""

import os
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from contrastive_trainer.data.remote_state import remote_mark


def test_http_tells_date_and_size(tmp_path: Path, server: Any) -> None:
    path = tmp_path / "served" / "0.tar"
    marks = []
    for data, date in ((b"a", 1), (b"a", 1), (b"b", 2), (b"ab", 2)):
        path.write_bytes(data)
        os.utime(path, (date, date))
        marks.append(remote_mark(server.url("0.tar?key=1")))
    assert marks[0] == marks[1] is not None
    assert len(set(marks)) == 3


def test_nothing_is_told(server: Any) -> None:
    assert remote_mark(server.url("none.tar")) is None
    assert remote_mark("http://127.0.0.1:9/0.tar") is None
    assert remote_mark("pipe:cat 0.tar") is None
    assert remote_mark("nothing://0.tar") is None


def test_beam_tells_size_and_date(monkeypatch: pytest.MonkeyPatch) -> None:
    filesystems = pytest.importorskip("apache_beam.io.filesystems")
    filesystem = pytest.importorskip("apache_beam.io.filesystem")
    told = [filesystem.FileMetadata("gs://b/0.tar", 5, date) for date in (1.0, 1.0, 2.0)]

    def match(urls: list[str]) -> list[Any]:
        assert urls == ["gs://b/0.tar"]
        return [filesystem.MatchResult(urls[0], [told.pop(0)])]

    monkeypatch.setattr(filesystems.FileSystems, "match", staticmethod(match))
    one, same, other = (remote_mark("gs://b/0.tar") for _ in range(3))
    assert one == same is not None
    assert other not in (None, one)


def test_the_hub_tells_the_blob(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [{"size": 5, "blob_id": blob, "lfs": {"sha256": "s"}} for blob in "aab"]

    class FileSystem:
        def info(self, url: str, refresh: bool) -> dict[str, Any]:
            assert (url, refresh) == ("hf://datasets/o/n/0.tar", True)
            return told.pop(0)

    monkeypatch.setattr(huggingface_hub, "HfFileSystem", FileSystem)
    one, same, other = (remote_mark("hf://datasets/o/n/0.tar") for _ in range(3))
    assert one == same is not None
    assert other not in (None, one)
