"""Shards are read whole, as webdataset reads them, or give an error that says where."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import webdataset

from clip_evaluation.datasets import tar_samples
from clip_evaluation.datasets.tar_samples import list_shards, read_samples
from schemas.errors import ConfigError, RunError

MEMBERS = [
    ("a/0.jpg", b"x" * 700),
    ("a/0.txt", b"one"),
    ("a/1.jpg", b""),
    ("b/1.jpg", b"y"),
    ("b/1.tar.gz", b"z"),
]

LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The other reader leaves its files open."""


@LEFT_OPEN
def test_against_webdataset(write_tar: Callable[..., Path]) -> None:
    path = write_tar("0.tar", MEMBERS)
    mine = {sample.key: sample.members for sample in read_samples([path])}
    theirs = {}
    for sample in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False):
        theirs[sample["__key__"]] = {k: v for k, v in sample.items() if not k.startswith("__")}
    assert mine == theirs
    assert list(mine) == ["a/0", "a/1", "b/1"]


@LEFT_OPEN
def test_against_webdataset_on_real_shards(shared_data: Path) -> None:
    for shard in list_shards(shared_data / "coco_open"):
        mine = [(sample.key, sample.members) for sample in read_samples([shard])]
        theirs = [
            (sample["__key__"], {k: v for k, v in sample.items() if not k.startswith("__")})
            for sample in webdataset.WebDataset(str(shard), shardshuffle=False)
        ]
        assert mine == theirs


def test_shards_are_found(write_tar: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("set/shards/1.tar", "set/shards/0.tar"):
        write_tar(name, [])
    assert [path.name for path in list_shards(tmp_path / "set")] == ["0.tar", "1.tar"]
    assert list_shards(tmp_path / "set") == list_shards(tmp_path / "set" / "shards")
    for empty in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="has no .tar shards"):
            list_shards(empty)


def test_no_cut_shard_passes_for_a_whole_one(write_tar: Callable[..., Path], tmp_path: Path) -> None:
    whole = write_tar("0.tar", MEMBERS).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512  # of the last member's data
    for length in (0, 1, 511, 512, 700, 1024, 1536, 2000, 2048, end - 512, end - 1, end):
        cut = tmp_path / "cut.tar"
        cut.write_bytes(whole[:length])
        with pytest.raises(RunError, match=r"cut.tar"):
            list(read_samples([cut]))


def test_no_damaged_header_passes(write_tar: Callable[..., Path]) -> None:
    path = write_tar("0.tar", MEMBERS)
    data = bytearray(path.read_bytes())
    data[1536 + 10] ^= 0xFF  # in the second member's header: readers end there without a word
    path.write_bytes(data)
    with pytest.raises(RunError, match="cut or damaged at byte 1536"):
        list(read_samples([path]))


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("0.jpg", b"a"), ("1.jpg", b"b"), ("0.txt", b"c")], "'0' are apart"),
        ([("0.jpg", b"a"), ("0.jpg", b"b")], "has 'jpg' twice"),
        ([("0.jpg", b"a" * 2000)], "2000 bytes, over 1000"),
    ],
)
def test_samples_that_are_none(
    write_tar: Callable[..., Path],
    members: list[tuple[str, bytes]],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tar_samples, "MAX_MEMBER_BYTES", 1000)
    with pytest.raises(RunError, match=told):
        list(read_samples([write_tar("0.tar", members)]))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("0.jpg")
    info.type, info.linkname = kind, "/etc/hostname"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(info)
    path = tmp_path / "0.tar"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(RunError, match="link, device or sparse"):
        list(read_samples([path]))


def test_odd_shards_end_in_samples_or_a_clear_error(shared_data: Path) -> None:
    paths = sorted((shared_data / "odd_shards").rglob("*.t*"))
    assert len(paths) > 40
    refused = 0
    for path in paths:
        try:
            for sample in read_samples([path]):
                assert sample.members
        except RunError as error:
            assert path.name in str(error)
            assert "\n" not in str(error)
            refused += 1
    assert refused >= 10  # among them a sparse file of 12.6 GB


def test_members_are_asked_for_by_name(write_tar: Callable[..., Path]) -> None:
    (sample,) = read_samples([write_tar("0.tar", [("0.jpg", b"\xff"), ("0.json", b"{}")])])
    with pytest.raises(RunError, match=r"0.tar: sample '0' has no txt, only jpg, json"):
        sample.member("txt")
    with pytest.raises(RunError, match="its jpg is not UTF-8"):
        sample.text("jpg")
    with pytest.raises(ConfigError, match="is not there"):
        list(read_samples([Path("nowhere.tar")]))
