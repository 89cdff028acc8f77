"""The next window's remote shards are copied before they are asked for, and no others."""

import threading
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data import prefetch as module
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.loader import Loader
from contrastive_trainer.data.prefetch import Prefetch
from contrastive_trainer.data.shard_list import TrainShard, list_shards


def test_the_next_window_is_that_of_the_order(make: Any, tmp_path: Path) -> None:
    config = make.configure(make.pack_set(tmp_path, [4] * 5), data={"shuffle_shards": 2})
    reader = BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)
    assert reader.cache is None
    plain = BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)
    numbers = {f"u{n}": n // 4 for n in range(20)}
    seen = [{numbers[uid] for uid in plain[step].samples} for step in range(15)]
    # Five shards are dealt into windows of 2, 2 and 1, which are 2, 2 and 1 of the 5 batches of an epoch.
    parts = [(epoch + first, epoch + end) for epoch in (0, 5, 10) for first, end in ((0, 2), (2, 4), (4, 5))]
    windows = [set().union(*seen[first:end]) for first, end in parts]
    for step in range(10):
        number = 3 * (step // 5) + (0, 0, 1, 1, 2)[step % 5]
        found = {int(Path(shard.path).stem) for shard in reader.next_window(step, 15)}
        assert found == windows[number + 1]
    assert reader.next_window(3, 4) == []
    assert len(reader.next_window(3, 5)) == 1


def test_a_window_is_copied_once_and_the_latest_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = [TrainShard(path=f"https://h/{n}.tar", samples=1) for n in range(6)]
    local = TrainShard(path="/here/9.tar", samples=1)
    asked: list[str] = []
    begun, go, done = threading.Event(), threading.Event(), threading.Event()

    def copy(url: str, folder: str) -> int:
        asked.append(url)
        begun.set()
        assert go.wait(30)
        if url == shards[5].path:
            done.set()
        raise OSError("left to the reader")

    monkeypatch.setattr(module, "open_copy", copy)
    fetching = Prefetch(str(tmp_path))
    fetching.want([shards[0], shards[1], local])
    assert begun.wait(30)
    fetching.want([shards[0], shards[1], local])  # the same again
    fetching.want([shards[2], local, shards[3]])
    fetching.want([shards[4], shards[5]])
    go.set()
    assert done.wait(30)
    fetching.close(timeout=30)
    assert asked == [shards[n].path for n in (0, 4, 5)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_over_http_is_that_over_files(make: Any, tmp_path: Path, server: Any, workers: int) -> None:
    make.pack_set(tmp_path / "served", [4] * 6)
    data = {"cache": str(tmp_path / "cache"), "shuffle_shards": 2}
    there = make.configure([server.url("{00000..00005}.tar")], data=data)
    here = make.configure(tmp_path / "served", data={"shuffle_shards": 2})
    runs = []
    for config in (there, here):
        reader = BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)
        runs.append([batch.samples for batch in Loader(reader, workers=workers).batches(0, 9)])
    assert runs[0] == runs[1]
    assert set(server.asked) == {"/sizes.json", *(f"/{n:05d}.tar" for n in range(6))}
