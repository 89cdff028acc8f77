import gc
import os
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data.sample import UnreadableSampleError
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import TrainShard, list_shards


def open_tars() -> int:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(os.path.exists(link) and os.readlink(link).endswith(".tar") for link in links)


def test_any_sample_is_read_and_few_files_are_open(make: Any, tmp_path: Path) -> None:
    shards = list_shards([str(make.pack_set(tmp_path, [3, 2, 4]))])
    gc.collect()
    before = open_tars()
    files = ShardFiles(None, keep=2)
    uids = [files.read(shards[s], row).uid for s, row in [(2, 3), (0, 2), (1, 0), (2, 0), (0, 0)]]
    assert uids == ["u8", "u2", "u3", "u5", "u0"]
    assert open_tars() == before + 2
    del files
    gc.collect()
    assert open_tars() == before


def test_forked_processes_do_not_disturb_each_other(make: Any, tmp_path: Path) -> None:
    shard = list_shards([str(make.pack_set(tmp_path, [50]))])[0]
    files = ShardFiles(None, keep=1)
    assert files.read(shard, 0).uid == "u0"
    child = os.fork()
    for _ in range(20):
        for row in range(50):
            if files.read(shard, row).uid != f"u{row}":
                os._exit(1)
    if child == 0:
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_shard_with_fewer_samples_than_it_should_have(make: Any, tmp_path: Path) -> None:
    path = make.pack_set(tmp_path, [2]) / "00000.tar"
    files = ShardFiles(None, keep=1)
    shard = TrainShard(path=str(path), samples=3)
    assert files.read(shard, 1).uid == "u1"
    with pytest.raises(UnreadableSampleError, match="a shard of 2 samples, not 3"):
        files.read(shard, 2)


def test_a_shard_with_more_samples_is_told_of_once(make: Any, tmp_path: Path) -> None:
    path = make.pack_set(tmp_path, [3]) / "00000.tar"
    files = ShardFiles(None, keep=1)
    shard = TrainShard(path=str(path), samples=1)
    for notes in (1, 0):
        assert files.read(shard, 0).uid == "u0"
        assert len(told := files.take_notes()) == notes
        assert all("00000.tar holds 3 samples, but sizes.json says 1: the others" in note for note in told)


def test_a_broken_shard_is_not_tried_again_while_it_is_kept(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [1, 1])
    broken, whole = list_shards([str(tmp_path)])
    os.rename(broken.path, f"{broken.path}.away")
    files = ShardFiles(None, keep=1)
    for _ in range(2):
        with pytest.raises(OSError, match="No such file"):
            files.read(broken, 0)
    os.rename(f"{broken.path}.away", broken.path)
    with pytest.raises(OSError, match="No such file"):
        files.read(broken, 0)
    assert files.read(whole, 0).uid == "u1"
    assert files.read(broken, 0).uid == "u0"
