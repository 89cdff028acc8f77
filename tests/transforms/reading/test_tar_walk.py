import gzip
import io
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.shard import Shard
from transforms.reading.sources import GzipFile, LocalFile, Source
from transforms.reading.tar_header import parse_header, parse_pax
from transforms.reading.tar_walk import Member, Problem, walk


class Memory:
    """Bytes as a lazy source."""

    lazy = True

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.touched: list[tuple[int, int]] = []

    def reaches(self, offset: int) -> bool:
        return offset <= len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        self.touched.append((offset, size))
        return self.data[offset : offset + size]

    def close(self) -> None:
        pass


def members_of(source: Source) -> list[Member]:
    items = list(walk(source, lambda name, size: True))
    assert not [item for item in items if isinstance(item, Problem)]
    return [item for item in items if isinstance(item, Member)]


def everything(data: bytes) -> list[Member | Problem]:
    return list(walk(Memory(data), lambda name, size: True))


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300
).filter(lambda name: not name.endswith("/"))
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=1500)), max_size=6)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERS, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_agrees_with_tarfile(
    make_tar: Callable[..., bytes], members: list[tuple[str, bytes]], form: int
) -> None:
    data = make_tar(members, form)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        expected = [(info.name, info.offset_data, info.size) for info in tar]
    found = members_of(Memory(data))
    assert [(m.name, m.offset, m.size) for m in found] == expected
    streamed = members_of(GzipFile(io.BytesIO(gzip.compress(data)), 1e9))
    assert [(m.name, m.offset, m.data) for m in streamed] == [
        (name, offset, content) for (name, offset, _), (_, content) in zip(expected, members, strict=True)
    ]


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 150)), max_size=5))
def test_agrees_with_tarfile_on_ustar_prefixes(sizes: list[tuple[int, int]]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for base, folder in sizes:
            tar.addfile(tarfile.TarInfo("f" * folder + "/" + "b" * base))
    found = members_of(Memory(buffer.getvalue()))
    assert [m.name for m in found] == ["f" * folder + "/" + "b" * base for base, folder in sizes]


def test_image_bytes_of_a_local_file_are_never_touched(make_tar: Callable[..., bytes]) -> None:
    source = Memory(make_tar([("a.jpg", b"j" * 5000), ("a.txt", b"text")]))
    members = members_of(source)
    inside = [
        offset for offset, _ in source.touched for m in members if m.offset <= offset < m.offset + m.size
    ]
    assert inside == []


def test_kinds_that_are_no_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "k.tar"
    kinds = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.DIRTYPE, *kinds, tarfile.CONTTYPE):
            info = tarfile.TarInfo("d")
            info.type = kind
            tar.addfile(info)
    found = members_of(LocalFile(str(path)))
    assert [m.is_file for m in found] == [False] * 5 + [True]


def test_numbers_in_base_256_and_negative_ones() -> None:
    info = tarfile.TarInfo("big")
    info.size = 8 * 2**30 + 5
    block = info.tobuf(tarfile.GNU_FORMAT)
    header = parse_header(block)
    assert header is not None
    assert header.size == 8 * 2**30 + 5
    negative = bytearray(block)
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % (sum(negative[:148] + negative[156:]) + 256)
    assert parse_header(bytes(negative)) is None


def test_a_checksum_of_signed_bytes_counts_too() -> None:
    block = bytearray(tarfile.TarInfo("é").tobuf(tarfile.USTAR_FORMAT, encoding="latin-1"))
    rest = block[:148] + block[156:]
    signed = 256 + sum(byte - 256 if byte > 127 else byte for byte in rest)
    block[148:156] = b"%06o\0 " % signed
    header = parse_header(bytes(block))
    assert header is not None
    assert header.name == "é".encode("latin-1")


@pytest.mark.parametrize("payload", [b"x path=a\n", b"99 path=a\n", b"5 a\n\n", b"-3 a=b\n", b"0 a=b\n"])
def test_malformed_pax_records(payload: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        parse_pax(payload)


def test_global_pax_headers_hold_for_all() -> None:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "all.txt"}
    ) as tar:
        tar.addfile(tarfile.TarInfo("one"))
    assert [m.name for m in members_of(Memory(buffer.getvalue()))] == ["all.txt"]


def test_an_extension_header_of_any_size_is_not_read(make_tar: Callable[..., bytes]) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 * 2**30
    first = make_tar([("a.jpg", b"j")])[:1024]
    items = everything(first + info.tobuf(tarfile.GNU_FORMAT) + bytes(5000))
    assert [getattr(item, "name", None) for item in items] == ["a.jpg", None]
    assert isinstance(items[1], Problem)
    assert items[1].reason == "damaged_shard"
    assert "4294967296" in items[1].value


def test_archives_behind_each_other_are_read_on(make_tar: Callable[..., bytes]) -> None:
    data = make_tar([("a.jpg", b"1")]) + make_tar([("b.jpg", b"2")])
    assert [m.name for m in members_of(Memory(data))] == ["a.jpg", "b.jpg"]
    assert [m.data for m in members_of(GzipFile(io.BytesIO(gzip.compress(data)), 1e9))] == [b"1", b"2"]


def test_names_that_are_no_utf8_are_latin_1() -> None:
    block = tarfile.TarInfo("é.txt").tobuf(tarfile.USTAR_FORMAT, encoding="latin-1")
    (member,) = members_of(Memory(block + bytes(1024)))
    assert (member.name, member.mended) == ("é.txt", ("name_encoding",))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><html>" + b" " * 2000, "HTML"),
        (b"  <html>not found</html>", "HTML"),
        (b"BZh91AY" + b"\1" * 600, "bzip2"),
        (b"PK\x03\x04" + b"\1" * 600, "zip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\xff\xd8\xff\xe0" + b"\1" * 600, "jpeg"),
        (b"\1" * 600, "no tar header"),
    ],
)
def test_what_is_no_tar_is_said(data: bytes, words: str) -> None:
    (item,) = everything(data)
    assert isinstance(item, Problem)
    assert item.reason == "unreadable_shard"
    assert words in item.value


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_never_raise(make_tar: Callable[..., bytes], data: st.DataObject) -> None:
    tar = bytearray(make_tar([("a" * 120 + ".jpg", b"j" * 700), ("é.txt", b"t")])[:4608])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tar) - 1))
        tar[at] = data.draw(st.integers(0, 255))
    lazy = everything(bytes(tar))
    assert sum(isinstance(item, Problem) for item in lazy) <= 1
    streamed = list(walk(GzipFile(io.BytesIO(gzip.compress(bytes(tar), 1)), 1e9), lambda name, size: True))
    assert [type(item) for item in streamed] == [type(item) for item in lazy]


@given(st.binary(max_size=3000))
def test_any_bytes_never_raise(data: bytes) -> None:
    assert sum(isinstance(item, Problem) for item in everything(data)) <= 1


def test_agrees_with_tarfile_on_tars_of_other_programs(shared_data: Path) -> None:
    compared = 0
    for path in sorted((shared_data / "odd_shards").glob("*/*.tar")):
        # tarfile takes the times in an old GNU header for a prefix of the name.
        if path.name in ("incomplete.tar", "gnu-incremental.tar"):
            continue
        with tarfile.open(path, encoding="latin-1" if path.name == "latin1.tar" else "utf-8") as tar:
            expected = [(info.name, info.isreg() and not info.issparse()) for info in tar if not info.isdir()]
        found = members_of(LocalFile(str(path)))
        assert [(m.name, m.is_file) for m in found] == expected, path.name
        compared += 1
    assert compared == 44


def test_random_junk_behind_a_member_is_damage(make_tar: Callable[..., bytes]) -> None:
    junk = random.Random(0).randbytes(2048)
    items = everything(make_tar([("a.jpg", b"j")])[:1024] + junk)
    assert isinstance(items[-1], Problem)
    assert (items[-1].reason, len(items)) == ("damaged_shard", 2)


SIX = [(f"{at}.jpg", bytes([at + 1]) * 700) for at in range(6)]
SIX_BLOCKS = 6 * (1 + 2)


def problem_of(data: bytes, *, packed: bool) -> tuple[list[str], str | None]:
    """Return the names that were read and the reason of the problem, if there was one."""
    source = GzipFile(io.BytesIO(gzip.compress(data, 1)), 1e9) if packed else Memory(data)
    items = list(walk(source, lambda name, size: True))
    found = [item.name for item in items if isinstance(item, Member)]
    return found, next((item.reason for item in items if isinstance(item, Problem)), None)


PACKED = pytest.mark.parametrize("packed", [False, True])


@PACKED
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("at", range(6))
def test_a_header_of_zeros_is_damage(
    make_tar: Callable[..., bytes], at: int, blocks: int, packed: bool
) -> None:
    data = bytearray(make_tar(SIX))
    data[at * 1536 : at * 1536 + 512 * blocks] = bytes(512 * blocks)
    expected = [name for name, _ in SIX[:at]]
    assert problem_of(bytes(data), packed=packed) == (expected, "damaged_shard")


@PACKED
@pytest.mark.parametrize("end", [20_000, 2**19 + 512, 2**20 + 2048, 3 * 2**20])
def test_a_preallocated_file_that_was_not_filled_is_truncated(
    make_tar: Callable[..., bytes], end: int, packed: bool
) -> None:
    data = make_tar(SIX)[: 4 * 1536 + 1000]
    found, reason = problem_of(data + bytes(end - len(data)), packed=packed)
    assert (found, reason) == ([f"{at}.jpg" for at in range(5)], "truncated_shard")


def test_zeros_are_looked_over_within_bounds(make_tar: Callable[..., bytes]) -> None:
    source = Memory(make_tar(SIX) + bytes(4 * 2**20))
    assert isinstance(list(walk(source, lambda name, size: True))[-1], Problem)
    assert max(offset for offset, _ in source.touched) <= SIX_BLOCKS * 512 + 2**20 + 1024


@PACKED
@pytest.mark.parametrize("record", [512, 10_240, 2**14, 2**16, 2**18, 2**20])
@pytest.mark.parametrize("count", [1, 5, 6])
def test_what_writers_pad_with_is_no_problem(
    make_tar: Callable[..., bytes], record: int, count: int, packed: bool
) -> None:
    data = make_tar(SIX)[: count * 1536] + bytes(1024)
    padded = data + bytes(-len(data) % record)
    names = [name for name, _ in SIX[:count]]
    assert problem_of(padded, packed=packed) == (names, None)
    assert problem_of(padded + make_tar([("z.jpg", b"z")]), packed=packed) == ([*names, "z.jpg"], None)
    assert problem_of(padded + b"\1" * 700, packed=packed) == (names, "damaged_shard")
    assert problem_of(padded + b"\1" * 70, packed=packed) == (names, "truncated_shard")


def test_a_descriptor_is_closed_when_nothing_needs_it(make_shard: Callable[..., Shard]) -> None:
    source = LocalFile(make_shard([("a.jpg", b"j")]).path)
    read = source.read_exactly
    descriptor = source._descriptor
    source.close()
    del source
    assert read(512, 1) == b"j"
    del read
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
