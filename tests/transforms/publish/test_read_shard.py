import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.publish.read_shard import DamagedArchiveError, read_members
from transforms.publish.tar_writer import TarWriter

MEMBERS = [("000000000.jpg", b"x" * 700), ("000000000.json", b"{}\n"), ("000000000.txt", b"")]


def _archive() -> bytes:
    stream = io.BytesIO()
    writer = TarWriter(stream)
    for name, data in MEMBERS:
        writer.add(name, data)
    writer.close()
    return stream.getvalue()


def _read(archive: bytes) -> list[tuple[str, bytes]]:
    return [(member.name, member.data) for member in read_members(io.BytesIO(archive))]


def test_reads_back_what_was_written() -> None:
    assert _read(_archive()) == MEMBERS
    offsets = [member.offset for member in read_members(io.BytesIO(_archive()))]
    assert offsets == [512, 512 + 1024 + 512, 512 + 1024 + 512 + 512 + 512]


@given(st.integers(0, len(_archive()) - 1), st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(place: int, bit: int) -> None:
    damaged = bytearray(_archive())
    damaged[place] ^= 1 << bit
    try:
        members = _read(bytes(damaged))
    except DamagedArchiveError:
        return
    assert members != MEMBERS


@given(st.integers(0, len(_archive()) - 1))
def test_no_cut_goes_unseen(length: int) -> None:
    with pytest.raises(DamagedArchiveError):
        _read(_archive()[:length])


def test_what_follows_the_end_is_seen() -> None:
    with pytest.raises(DamagedArchiveError, match="end of the archive"):
        _read(_archive() + b"\0")


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(DamagedArchiveError):
        _read(data)


@pytest.mark.parametrize(
    "change", [{"mtime": 5}, {"mode": 0o600}, {"uid": 7}, {"uname": "me"}, {"type": tarfile.SYMTYPE}]
)
def test_a_header_that_is_not_plain(change: dict[str, object]) -> None:
    info = tarfile.TarInfo("000000000.txt")
    for name, value in change.items():
        setattr(info, name, value)
    with pytest.raises(DamagedArchiveError, match=r"header of 000000000.txt is not a plain published one"):
        _read(info.tobuf(tarfile.USTAR_FORMAT) + bytes(10240 - 512))
