import io
import os
import tarfile
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_trainer.data.tar_index import ABSENT, IMAGES, TEXTS, index_tar

Member = tuple[str, bytes]
STEMS = st.sampled_from(["a", "b", "dir/c", "dir.x/d", "ü", "n" * 120, f"{'long' * 40}/{'deep' * 30}/e"])
ENDINGS = st.sampled_from(["jpg", "JPEG", "png", "txt", "json", "caption", "cls", "v1.jpg"])
MEMBERS = st.lists(
    st.tuples(st.builds("{}.{}".format, STEMS, ENDINGS), st.binary(max_size=1300)), max_size=12
)


def write(path: Path, members: list[Member], form: int = tarfile.USTAR_FORMAT, mtime: float = 0) -> Path:
    with tarfile.open(path, "w", format=form) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), mtime  # type: ignore[assignment]
            tar.addfile(info, io.BytesIO(data))
    return path


def index(path: Path) -> list[tuple[bytes | None, ...]]:
    """Return the parts of each sample."""
    data = path.read_bytes()
    with path.open("rb") as stream:
        found = index_tar(stream.fileno(), path.name)
    assert found.is_whole
    places = found.place_NR2.tolist()
    return [tuple(None if n == ABSENT else data[at : at + n] for at, n in sample) for sample in places]


def expected(path: Path) -> list[tuple[bytes | None, ...]]:
    """Return the same by the standard library: WebDataset's rule of keys."""
    with tarfile.open(path) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar if m.isreg()]  # type: ignore[union-attr]
    found = []
    split = [(os.path.dirname(n), *os.path.basename(n).partition(".")[::2], data) for n, data in members]
    split = [item for item in split if item[1] and item[2]]
    for _, group in groupby(split, key=lambda item: item[:2]):
        parts = {ending.lower(): data for _, _, ending, data in group}
        row = [next((parts[e] for e in ends if e in parts), None) for ends in (IMAGES, TEXTS, ("json",))]
        found.append(tuple(row))
    return found


@given(
    MEMBERS,
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.sampled_from([0.0, 1700000000.25]),
)
def test_samples_are_those_of_the_standard_library(
    tmp_path_factory: pytest.TempPathFactory, members: list[Member], form: int, mtime: float
) -> None:
    if form == tarfile.USTAR_FORMAT:
        members = [(name, data) for name, data in members if len(name) < 100]
    path = write(tmp_path_factory.mktemp("tar") / "x.tar", members, form, mtime)
    assert index(path) == expected(path)


def test_the_order_of_endings_decides_and_not_that_of_members(tmp_path: Path) -> None:
    members = [("a.png", b"P"), ("a.jpg", b"J"), ("a.caption", b"C"), ("a.txt", b"T"), ("a.json", b"{}")]
    assert index(write(tmp_path / "x.tar", members)) == [(b"J", b"T", b"{}")]


def test_what_has_no_key_is_no_sample(tmp_path: Path) -> None:
    members = [("._a.jpg", b"mac"), ("README", b"x"), ("dir/.hidden", b"x"), ("a.jpg", b"J")]
    assert index(write(tmp_path / "x.tar", members)) == [(b"J", None, None)]


def test_folders_and_links_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind in (("dir", tarfile.DIRTYPE), ("dir/a.jpg", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("dir/b.jpg")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"JJJ"))
    assert index(path) == [(b"JJJ", None, None)]


def test_a_cut_off_tar_gives_its_head_and_is_not_whole(tmp_path: Path) -> None:
    whole = write(tmp_path / "x.tar", [("a.jpg", b"J" * 600), ("b.jpg", b"K" * 2000)])
    path = tmp_path / "cut.tar"
    path.write_bytes(whole.read_bytes()[: 512 + 1024 + 512 + 100])
    with path.open("rb") as stream:
        found = index_tar(stream.fileno(), "cut.tar")
    assert found.place_NR2[:, 0].tolist() == [[512, 600], [2048, 2000]]
    assert not found.is_whole


def test_a_damaged_header_behind_whole_members_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tar", [("a.jpg", b"J" * 600), ("b.jpg", b"K" * 20)])
    data = bytearray(path.read_bytes())
    data[1536 + 150] ^= 1  # the checksum of the second header
    path.write_bytes(bytes(data))
    with path.open("rb") as stream:
        found = index_tar(stream.fileno(), "x.tar")
    assert found.place_NR2[:, 0].tolist() == [[512, 600]]
    assert not found.is_whole


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b" + b"x" * 2000, b"not a tar" * 100])
def test_what_is_no_tar_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    with path.open("rb") as stream, pytest.raises(OSError, match=r"x\.tar is no readable tar"):
        index_tar(stream.fileno(), "x.tar")


def test_odd_shards_read_as_the_standard_library_reads_them(shared_data: Path) -> None:
    paths = sorted((shared_data / "odd_shards").rglob("*.tar"))
    read = 0
    for path in paths:
        with path.open("rb") as stream:
            try:
                found = index_tar(stream.fileno(), path.name)
            except OSError:
                continue
        read += 1
        if found.is_whole and "sparse" not in path.name:
            assert index(path) == expected(path), path.name
    assert read > 20
