import json
from pathlib import Path
from typing import Any

import pytest

from contrastive_trainer.data.shard_list import TrainShard, list_shards
from schemas.errors import ConfigError


def found(patterns: list[str]) -> list[tuple[str, int]]:
    return [(Path(shard.path).name, shard.samples) for shard in list_shards(patterns, say=pytest.fail)]


def test_shards_are_found_by_folder_path_glob_and_braces(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path / "set" / "shards", [2, 3, 1])
    every = [("00000.tar", 2), ("00001.tar", 3), ("00002.tar", 1)]
    assert found([f"{tmp_path}/set"]) == every
    assert found([f"{tmp_path}/set/shards"]) == every
    assert found([f"{tmp_path}/set/shards/*.tar"]) == every
    assert found([f"{tmp_path}/set/shards/{{00002..00001}}.tar"]) == every[:0:-1]
    # Named twice is there once, where it was named first.
    assert found([f"{tmp_path}/set/shards/00001.tar", f"{tmp_path}/set"]) == [every[1], every[0], every[2]]


def test_sizes_are_believed_and_no_shard_is_opened(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [2])
    (tmp_path / "00000.tar").write_bytes(b"no tar at all")
    assert found([str(tmp_path)]) == [("00000.tar", 2)]


def test_without_sizes_samples_are_counted_and_that_is_said(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path, [2, 3])
    (tmp_path / "sizes.json").write_text(json.dumps({"00001.tar": 3}))
    said: list[str] = []
    shards = list_shards([str(tmp_path)], say=said.append)
    assert [shard.samples for shard in shards] == [2, 3]
    assert len(said) == 1
    assert said[0].startswith("counting the samples of 1 shards")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "no number of samples"),
        ('{"00000.tar": -1}', "no number of samples"),
        ('{"00000.tar": true}', "no number of samples"),
        ('{"00000.tar": "2"}', "no number of samples"),
    ],
)
def test_broken_sizes_are_named(make: Any, tmp_path: Path, text: str, why: str) -> None:
    make.pack_set(tmp_path, [2])
    (tmp_path / "sizes.json").write_text(text)
    with pytest.raises(ConfigError, match=why) as caught:
        list_shards([str(tmp_path)])
    assert f"{tmp_path}/sizes.json" in str(caught.value)
    assert "remove it" in str(caught.value)


def test_a_pattern_without_shards_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.*names no shard; give the output folder"):
        list_shards([f"{tmp_path}/nothing"])


@pytest.mark.parametrize("data", [b"", b"\x1f\x8bgz" * 200, None])
def test_a_shard_that_cannot_be_counted_is_named(make: Any, tmp_path: Path, data: bytes | None) -> None:
    path = make.pack(tmp_path / "x.tar", [make.sample_parts(0)])
    path.write_bytes(path.read_bytes()[:700] if data is None else data)
    with pytest.raises(ConfigError, match=r"x\.tar cannot be read .*pairwright doctor"):
        list_shards([str(path)], say=lambda _: None)


def test_many_shards_are_a_read_of_one_file(tmp_path: Path) -> None:
    names = [f"{number:05d}.tar" for number in range(2000)]
    (tmp_path / "sizes.json").write_text(json.dumps(dict.fromkeys(names, 10_000)))
    for name in names:
        (tmp_path / name).touch()
    shards = list_shards([str(tmp_path)], say=pytest.fail)
    assert len(shards) == 2000
    assert shards[-1] == TrainShard(path=f"{tmp_path}/01999.tar", samples=10_000)


def test_a_shard_of_the_set_that_is_not_there(make: Any, tmp_path: Path) -> None:
    make.pack_set(tmp_path / "shards", [2, 3, 1])
    (tmp_path / "shards" / "00001.tar").unlink()
    with pytest.raises(ConfigError, match=r"00001\.tar is not there, but sizes.json lists it \(1 of 3 are"):
        list_shards([str(tmp_path)])
    assert found([f"{tmp_path}/shards/*.tar"]) == [("00000.tar", 2), ("00002.tar", 1)]
