"""Copies of remote shards: shared, of the present state of the remote file, never half of it."""

import errno
import fcntl
import multiprocessing
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data import copies, remote
from contrastive_trainer.data.copies import drop_copy, open_copy, prepare_folder
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import ConfigError, RunError


def content(url: str, folder: Path) -> bytes:
    descriptor = open_copy(url, str(folder))
    with open(descriptor, "rb") as stream:
        return stream.read()


def tars(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if "lock-" not in path.name]


def test_a_copy_is_shared_and_removed_when_it_is_no_longer_kept(
    make: Any, tmp_path: Path, server: Any
) -> None:
    make.pack_set(tmp_path / "served", [2, 2])
    shards = list_shards([server.url("{00000..00001}.tar")])
    cache = tmp_path / "cache"
    first, second = (ShardFiles(str(cache), keep=1) for _ in range(2))
    assert [files.read(shards[0], 1).uid for files in (first, second)] == ["u1", "u1"]
    assert server.asked["/00000.tar"] == 1
    assert first.read(shards[1], 0).uid == "u2"
    assert len(list(cache.glob("*.tar"))) == 1
    assert second.read(shards[0], 0).uid == "u0"  # it has the bytes still open


def test_a_missing_shard_is_an_error_without_its_secrets(tmp_path: Path, server: Any) -> None:
    with pytest.raises(OSError, match=r"^00007\.tar cannot be read: ") as caught:
        open_copy(server.url("00007.tar?key=secret"), str(tmp_path / "cache"))
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_scheme_that_webdataset_does_not_know_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"00007\.tar cannot be read: ValueError: .*no gopen handler"):
        open_copy("s3://bucket/00007.tar", str(tmp_path))


def test_a_transfer_that_is_cut_short_leaves_no_copy(tmp_path: Path, server: Any) -> None:
    server.cut = True
    with pytest.raises(
        OSError, match=r"^00007\.tar cannot be read: curl's exit status is 18, it was cut short$"
    ):
        open_copy(server.url("00007.tar"), str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("*.tar"))


def test_a_transfer_that_stalls_is_given_up(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "STALL_S", 0.3)
    server.stall = threading.Event()
    try:
        with pytest.raises(OSError, match=r"no byte came for 0\.3 s"):
            open_copy(server.url("00007.tar"), str(tmp_path / "cache"))
    finally:
        server.stall.set()


def test_many_readers_fetch_a_shard_once(make: Any, tmp_path: Path, server: Any) -> None:
    make.pack_set(tmp_path / "served", [1])
    shard = list_shards([server.url("00000.tar")])[0]
    readers = [ShardFiles(str(tmp_path / "cache"), keep=1) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:  # locks are held by open files, so threads contend as processes do
        assert list(pool.map(lambda files: files.read(shard, 0).uid, readers)) == ["u0"] * 4
    assert server.asked["/00000.tar"] == 1


def test_a_remote_file_that_changed_is_copied_anew(tmp_path: Path, server: Any) -> None:
    served, cache = tmp_path / "served" / "0.tar", tmp_path / "cache"
    url = server.url("0.tar")
    served.write_bytes(b"old")
    assert [content(url, cache), content(url, cache)] == [b"old", b"old"]
    assert server.asked == {"/0.tar": 1}
    old = open_copy(url, str(cache))
    served.write_bytes(b"newer")
    assert content(url, cache) == b"newer"
    assert tars(cache) == [b"newer"]
    assert os.read(old, 9) == b"old"  # who had it open keeps it
    os.close(old)
    os.utime(served, (0, 0))  # of the same size: the date tells
    assert content(url, cache) == b"newer"
    assert server.asked == {"/0.tar": 3}
    drop_copy(url, str(cache))
    assert tars(cache) == []


def test_a_state_that_is_not_told_is_that_of_the_copy(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tar").write_bytes(b"old")
    pipe = f"pipe:cat {tmp_path}/a.tar"
    assert content(pipe, tmp_path / "cache") == b"old"
    (tmp_path / "a.tar").write_bytes(b"new")
    assert content(pipe, tmp_path / "cache") == b"old"
    (tmp_path / "served" / "0.tar").write_bytes(b"old")
    url = server.url("0.tar")
    assert content(url, tmp_path / "other") == b"old"
    monkeypatch.setattr(copies, "remote_mark", lambda _: None)  # the server is not reached any more
    (tmp_path / "served" / "0.tar").unlink()
    assert content(url, tmp_path / "other") == b"old"


def _hold(path: Path, held: Any, done: Any) -> None:
    with path.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        held.set()
        done.wait()


def test_what_dead_processes_half_wrote_is_removed_and_no_other(tmp_path: Path, server: Any) -> None:
    (tmp_path / "served" / "0.tar").write_bytes(b"whole")
    content(server.url("0.tar"), tmp_path)
    whole = next(tmp_path.glob("*.tar"))
    lock = next(tmp_path.glob("lock-*"))
    others = (f"{n:016d}" for n in range(100))
    name = next(one for one in others if f"{zlib.crc32(one.encode()) % 64:02d}" != lock.name[-2:])
    dead, alive = tmp_path / f"{name}-1.tar.half", Path(f"{whole}.half")
    dead.write_bytes(b"x")
    alive.write_bytes(b"x")
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(lock, held, done))
    process.start()
    held.wait()
    prepare_folder(str(tmp_path))
    assert (dead.exists(), alive.exists(), whole.exists()) == (False, True, True)
    done.set()
    process.join()
    prepare_folder(str(tmp_path))
    assert (alive.exists(), whole.exists()) == (False, True)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^data\.cache: .*file/cache cannot be used \(Not a directory\)"):
        prepare_folder(str(tmp_path / "file" / "cache"))


def test_a_full_disk_stops_the_run_and_leaves_nothing(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served" / "0.tar").write_bytes(b"x" * 100)

    def full(url: str, target: Any) -> None:
        target.write(b"x")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(copies, "copy_remote", full)
    with pytest.raises(RunError, match=r"data\.cache: no space is left for 0\.tar; free some"):
        open_copy(server.url("0.tar"), str(tmp_path / "cache"))
    assert tars(tmp_path / "cache") == []
