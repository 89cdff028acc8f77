import json
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data import remote
from contrastive_trainer.data.batch_reader import BatchReader
from contrastive_trainer.data.remote import beside, is_remote, read_small, tar_name
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import list_shards
from schemas.errors import ConfigError


def test_names_of_remote_tars() -> None:
    assert is_remote("https://h/0.tar")
    assert is_remote("pipe:cat 0.tar")
    assert not is_remote("/data/0.tar")
    assert tar_name("pipe:curl -sH 'Key: secret' https://h/a/00001.tar?x=y") == "00001.tar"
    assert tar_name("pipe:cat a.tar | tee b.tar -") == "b.tar"
    assert tar_name("https://h/secret") == "a remote shard"
    assert beside("https://h/a/0.tar?key=1", "sizes.json") == "https://h/a/sizes.json?key=1"
    assert beside("https://h/a", "sizes.json") is None


def test_a_published_set_is_trained_on_over_http(make: Any, tmp_path: Path, server: Any) -> None:
    make.pack_set(tmp_path / "served", [4, 3, 5])
    local = make.configure(tmp_path / "served")
    there = make.configure(
        [server.url("{00000..00002}.tar")], data={"cache": str(tmp_path / "cache"), "shuffle_shards": 2}
    )
    here = make.configure(tmp_path / "served", data={"shuffle_shards": 2})
    assert local.batch == 4
    readers = [
        BatchReader(list_shards(config.data.shards), config, make.encode, image_size=8)
        for config in (there, here)
    ]
    for step in range(3):
        assert readers[0][step].samples == readers[1][step].samples
        assert readers[0][step].image_BCHW.equal(readers[1][step].image_BCHW)
    # Each shard was fetched once, and only a window and one shard more is kept.
    assert server.asked == {"/sizes.json": 1, "/00000.tar": 1, "/00001.tar": 1, "/00002.tar": 1}
    assert len(list((tmp_path / "cache").glob("*.tar"))) <= 3


def test_a_pipe_is_a_remote_shard(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [2])
    shard = list_shards([f"pipe:cat {tmp_path}/00000.tar"])[0]
    assert (shard.name, shard.samples) == ("00000.tar", 2)
    assert ShardFiles(str(tmp_path / "cache"), keep=1).read(shard, 1).uid == "u1"


def test_unknown_sizes_of_remote_shards_are_an_error(make: Any, tmp_path: Path, server: Any) -> None:
    make.pack(tmp_path / "served" / "00000.tar", [make.sample_parts(0)])
    with pytest.raises(
        ConfigError,
        match=r"how many samples 00000\.tar holds is not known \(its sizes\.json cannot be read: .* 22.*\); "
        r"put a sizes\.json",
    ) as caught:
        list_shards([server.url("00000.tar?key=secret")])
    assert "secret" not in str(caught.value)
    (tmp_path / "served" / "sizes.json").write_text('{"00001.tar": 1}')
    with pytest.raises(ConfigError, match=r"is not known \(its sizes\.json does not list it\)"):
        list_shards([server.url("00000.tar")])


def test_without_a_folder_for_copies_there_is_an_error(make: Any, tmp_path: Path, server: Any) -> None:
    make.pack_set(tmp_path / "served", [1])
    shard = list_shards([server.url("00000.tar")])[0]
    with pytest.raises(ConfigError, match=r"00000\.tar is remote; give data\.cache"):
        ShardFiles(None, keep=1).read(shard, 0)


def test_a_small_file_that_is_large_is_refused(
    tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served" / "sizes.json").write_text(json.dumps({"0.tar": 1}))
    assert read_small(server.url("sizes.json")) == b'{"0.tar": 1}'
    monkeypatch.setattr(remote, "_MAX_SMALL_BYTES", 5)
    with pytest.raises(OSError, match="over 5 bytes"):
        read_small(server.url("sizes.json"))
