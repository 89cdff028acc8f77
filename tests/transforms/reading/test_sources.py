import gzip
import io
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.shard import Shard
from transforms.reading.sources import BOMB_FLOOR, GzipFile, LocalFile, RemoteFile, SourceError, open_source


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.data())
def test_gzip_members_read_as_one(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    packed = b"".join(gzip.compress(part) + bytes(data.draw(st.integers(0, 3))) for part in parts)
    source = GzipFile(io.BytesIO(packed), 1e9)
    at = 0
    while at < len(whole):
        skip, size = data.draw(st.integers(0, 500)), data.draw(st.integers(1, 2000))
        assert source.read(at + skip, size) == whole[at + skip : at + skip + size]
        at += skip + size
    assert not source.reaches(len(whole) + 1_000_000)


def test_a_cut_stream_gives_what_it_has() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    source = GzipFile(io.BytesIO(packed[:-8]), 1e9)
    assert source.read(0, 25_600) == bytes(range(256)) * 100
    with pytest.raises(SourceError, match="truncated_shard: the gzip data end early"):
        source.read(25_600, 1)


def test_a_broken_stream_is_damage() -> None:
    packed = bytearray(gzip.compress(b"abc" * 10_000))
    packed[-6] ^= 1
    with pytest.raises(SourceError, match="damaged_shard: the gzip data are broken"):
        GzipFile(io.BytesIO(bytes(packed)), 1e9).reaches(100_000)


def test_a_bomb_stops_in_bounded_memory() -> None:
    packed = gzip.compress(bytes(4 * BOMB_FLOOR), 9)
    tracemalloc.start()
    with pytest.raises(SourceError, match="expands_too_far"):
        GzipFile(io.BytesIO(packed), 200).reaches(4 * BOMB_FLOOR)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_what_goes_back_is_a_programming_error() -> None:
    source = GzipFile(io.BytesIO(gzip.compress(b"abcdef")), 1e9)
    source.read(3, 1)
    with pytest.raises(ValueError, match="forward only"):
        source.read(0, 1)


def test_a_stream_that_gives_little_at_once_is_read_whole() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 3))

    source = RemoteFile(Slow(bytes(range(100))))
    assert source.read(10, 50) == bytes(range(10, 60))
    assert source.reaches(100)
    assert not source.reaches(101)


def test_the_first_bytes_decide_not_the_name(make_shard: Callable[..., Shard]) -> None:
    packed = gzip.compress(b"tar")
    source, mended = open_source(make_shard(packed, form="tar"), 200)
    assert isinstance(source, GzipFile)
    assert (mended, source.read(0, 9)) == (("gzip_named_tar",), b"tar")
    source.close()
    source, mended = open_source(make_shard(b"tar", form="tar.gz"), 200)
    assert isinstance(source, LocalFile)
    assert (mended, source.read(0, 9)) == (("tar_named_gzip",), b"tar")
    with pytest.raises(OSError, match="has only 3 of 9 bytes at 0"):
        source.read_exactly(0, 9)


def test_a_missing_shard_is_the_filesystems_error() -> None:
    shard = Shard(order=0, name="0.tar", path="/nowhere/0.tar", size_bytes=0, format="tar")
    with pytest.raises(FileNotFoundError, match=r"/nowhere/0\.tar"):
        open_source(shard, 200)
