import gzip
import io
import itertools
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from webdataset.tariterators import group_by_keys, tar_file_iterator

from schemas.config import InputConfig
from schemas.reasons import REASONS
from schemas.shard import Shard, Unit, unit_uid
from transforms.reading import tar_units
from transforms.reading.images import read_images
from transforms.reading.shard_paths import find_shards
from transforms.reading.sources import RemoteFile
from transforms.reading.units import read_units

MakeShard = Callable[..., Shard]
MakeTar = Callable[..., bytes]
RUSSIAN = "Большая собака бежит по берегу моря рядом с мальчиком"
FORMS = pytest.mark.parametrize("form", ["tar", "tar.gz"])


def units_of(shard: Shard, **settings_: object) -> list[Unit]:
    return list(read_units(shard, InputConfig(shards=("x",), **settings_)))  # type: ignore[arg-type]


def image_of(unit: Unit) -> bytes:
    assert unit.read_image is not None
    return unit.read_image()


@FORMS
def test_a_whole_sample(make_shard: MakeShard, form: str) -> None:
    fields = {"uid": 12, "url": "http://x/y.jpg", "width": 3}
    members = [("d/a.jpg", b"jjj"), ("d/a.txt", b" a\n dog "), ("d/a.json", json.dumps(fields).encode())]
    (unit,) = units_of(make_shard(members, form=form))
    assert (unit.index, unit.key, unit.occurrence, unit.image_name) == (0, "d/a", 0, "d/a.jpg")
    assert (unit.text, unit.uid, unit.url, unit.json) == ("a dog", "12", "http://x/y.jpg", fields)
    assert (unit.offset, unit.size_bytes, image_of(unit)) == (512, 3, b"jjj")
    assert (unit.reason, unit.value, unit.mended) == (None, None, ())


@FORMS
@pytest.mark.parametrize(
    ("members", "reason", "value"),
    [
        ([("a.txt", b"t"), ("a.json", b"{}")], "missing_image", "a.txt, a.json"),
        ([("a.jpg", b""), ("a.txt", b"t")], "empty_image", "a.jpg"),
        ([("a.jpg", b"1" * 101), ("a.txt", b"t")], "oversized_member", "a.jpg: 101 bytes"),
        ([("a.jpg", b"1"), ("a.txt", b"t" * 101)], "oversized_member", "a.txt: 101 bytes"),
        ([("a.jpg", b"1"), ("a.jpg", b"2"), ("a.txt", b"t")], "repeated_member", "a.jpg, a.jpg, a.txt"),
        ([(".a.jpg", b"1")], "no_key", ".a.jpg"),
        ([("README", b"1")], "missing_image", "README"),
        ([("a.jpg", b"1"), ("a.txt", b"\x81\x8d\x00\x01\x8f" * 19)], "bad_text", "a.txt"),
    ],
)
def test_what_is_no_sample(
    make_shard: MakeShard, form: str, members: list[tuple[str, bytes]], reason: str, value: str
) -> None:
    (unit,) = units_of(make_shard(members, form=form), max_member_bytes=100)
    assert (unit.reason, unit.value) == (reason, value)
    assert unit.read_image is None
    assert unit.offset == -1
    assert reason in REASONS


@pytest.mark.parametrize(
    ("members", "text", "mended"),
    [
        ([], None, ()),
        ([("a.txt", b" \n")], "", ()),
        ([("a.txt", b""), ("a.caption", b"second")], "second", ()),
        ([("a.txt", b""), ("a.json", b'{"caption": "third"}')], "third", ()),
        ([("a.json", b'{"caption": 5, "txt": ""}')], "", ()),
        ([("a.json", b"[1]")], None, ("json_unreadable",)),
        ([("a.json", b"{" * 101)], None, ("json_unreadable",)),
        ([("a.txt", RUSSIAN.encode("cp1251"))], RUSSIAN, ("text_encoding:cp1251",)),
    ],
)
def test_texts(
    make_shard: MakeShard, members: list[tuple[str, bytes]], text: str | None, mended: tuple[str, ...]
) -> None:
    (unit,) = units_of(make_shard([("a.jpg", b"j"), *members]), max_member_bytes=100)
    assert (unit.text, unit.mended, unit.reason) == (text, mended, None)


def test_a_long_text_is_cut(make_shard: MakeShard) -> None:
    (unit,) = units_of(make_shard([("a.jpg", b"j"), ("a.txt", "é".encode() * 2**20)]))
    assert unit.text == "é" * 2**19
    assert unit.mended == ("text_cut",)


def test_repeated_keys_are_numbered_and_have_uids_of_their_own(make_shard: MakeShard) -> None:
    sample = [("a.jpg", b"1"), ("a.txt", b"t")]
    shard = make_shard([*sample, *sample, ("b.jpg", b"2"), *sample])
    units = units_of(shard)
    assert [(u.index, u.key, u.occurrence) for u in units] == [
        (0, "a", 0),
        (1, "a", 1),
        (2, "b", 0),
        (3, "a", 2),
    ]
    assert len({unit_uid(shard.name, unit) for unit in units}) == 4


@FORMS
def test_links_are_units_of_their_own(make_shard: MakeShard, form: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("folder", "a.jpg"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name == "folder" else tarfile.SYMTYPE
            info.linkname = "/etc/passwd"
            tar.addfile(info)
        tar.addfile(tarfile.TarInfo("a.txt"))
    data = gzip.compress(buffer.getvalue()) if form == "tar.gz" else buffer.getvalue()
    (unit,) = units_of(make_shard(data, form=form))
    assert (unit.key, unit.reason, unit.value) == ("a", "not_a_file", "a.jpg")


def test_images_of_a_local_tar_are_read_from_threads_after_the_walk(make_shard: MakeShard) -> None:
    images = [bytes([at]) * (at * 37 + 1) for at in range(200)]
    units = units_of(make_shard([(f"{at:03d}.jpg", image) for at, image in enumerate(images)]))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(image_of, units)) == images


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds("{}.{}".format, *map(st.sampled_from, (["p", "p.1", "p.2", "q"], ["jpg", "png", "txt"]))),
        max_size=12,
    )
)
@example(["p.1.txt", "p.2.jpg", "p.2.txt", "p.1.jpg"])
def test_images_ascend_and_are_read_again_in_that_order(make_shard: MakeShard, names: list[str]) -> None:
    shard = make_shard([(name, bytes([at + 1] * 9)) for at, name in enumerate(names)], form="tar.gz")
    units = [unit for unit in units_of(shard) if unit.reason is None]
    places = [(unit.offset, unit.size_bytes) for unit in units]
    assert places == sorted(set(places))
    assert list(read_images(shard, places)) == [image_of(unit) for unit in units]


def test_a_shard_that_shrinks_is_an_error_not_a_short_image(make_shard: MakeShard) -> None:
    shard = make_shard([("a.jpg", b"1" * 5000), ("a.txt", b"t")])
    (unit,) = units_of(shard)
    with open(shard.path, "r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(OSError, match="has only 488 of 5000 bytes at 512"):
        image_of(unit)


@FORMS
def test_cut_at_every_byte(make_shard: MakeShard, make_tar: MakeTar, form: str) -> None:
    samples = [("a", b"1" * 600), ("b", b"2" * 30), ("c", b"3" * 5)]
    members = [
        part for key, image in samples for part in ((f"{key}.jpg", image), (f"{key}.txt", key.encode()))
    ]
    data = make_tar(members)
    ends = list(itertools.accumulate(512 + -(-len(content) // 512) * 512 for _, content in members))
    whole_at = ends[1::2]
    for cut in range(1, ends[-1] + 1024, 1 if form == "tar" else 13):
        head = data[:cut]
        shard = make_shard(gzip.compress(head, 1) if form == "tar.gz" else head, form=form)
        units = units_of(shard)
        problems = [u for u in units if u.reason]
        is_clean = cut in ends or cut > ends[-1]
        assert [u.reason for u in problems] == ([] if is_clean else ["truncated_shard"]), cut
        good = [u for u in units if not u.reason]
        complete = sum(end <= cut for end in whole_at)
        assert [(u.key, image_of(u)) for u in good[:complete]] == samples[:complete], cut
        # At most one more sample: that whose padding is cut or, at a boundary, whose text is missing.
        assert len(good) <= complete + 1, cut
        for extra in good[complete:]:
            assert (extra.key, image_of(extra)) == samples[complete]


def test_a_cut_gzip_stream_is_a_truncated_shard(make_shard: MakeShard, make_tar: MakeTar) -> None:
    members = [(f"{at}.{ending}", bytes([at, at]) * 300) for at in range(9) for ending in ("jpg", "npy")]
    packed = gzip.compress(make_tar(members), 1)
    for cut in range(2, len(packed), 7):
        units = units_of(make_shard(packed[:cut], form="tar.gz"))
        assert [u.reason for u in units if u.reason] == ["truncated_shard"]
        assert [image_of(u) for u in units[:-1]] == [bytes([at, at]) * 300 for at in range(len(units) - 1)]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_of_a_shard_never_raise(
    make_shard: MakeShard, make_tar: MakeTar, data: st.DataObject
) -> None:
    tar = make_tar([("a.jpg", b"1" * 600), ("a.txt", b"text"), ("a.json", b'{"uid": "u"}')])[:4096]
    form = data.draw(st.sampled_from(["tar", "tar.gz"]))
    raw = bytearray(gzip.compress(tar) if form == "tar.gz" else tar)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for unit in units_of(make_shard(bytes(raw), form=form)):
        assert (unit.reason is None) == (unit.read_image is not None)
        assert unit.reason is None or unit.reason in REASONS


def test_a_bomb_ends_with_a_unit_in_bounded_memory(make_shard: MakeShard, make_tar: MakeTar) -> None:
    info = tarfile.TarInfo("bomb.jpg")
    info.size = 300 * 2**20
    packer = io.BytesIO()
    with gzip.open(packer, "wb", 1) as stream:
        stream.write(make_tar([("a.jpg", b"1"), ("a.txt", b"t")])[:2048] + info.tobuf())
        for _ in range(300):
            stream.write(bytes(2**20))
    shard = make_shard(packer.getvalue(), form="tar.gz")
    tracemalloc.start()
    units = units_of(shard)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(u.key, u.reason) for u in units] == [("a", None), ("", "expands_too_far")]
    assert peak < 8 * 2**20


def test_gzip_data_named_tar_are_read_and_noted(make_shard: MakeShard, make_tar: MakeTar) -> None:
    (unit,) = units_of(make_shard(gzip.compress(make_tar([("a.jpg", b"1"), ("a.txt", b"t")]))))
    assert (unit.key, unit.reason, unit.mended, image_of(unit)) == ("a", None, ("gzip_named_tar",), b"1")


@pytest.mark.parametrize(
    ("data", "form"), [(b"", "tar"), (b"", "tar.gz"), (b"<html></html>", "tar"), (b"\x1f\x8bx", "tar.gz")]
)
def test_a_shard_that_cannot_be_read_is_one_unit(make_shard: MakeShard, data: bytes, form: str) -> None:
    (unit,) = units_of(make_shard(data, form=form))
    assert (unit.index, unit.key) == (0, "")
    assert unit.reason in ("unreadable_shard", "truncated_shard")


def test_a_remote_tar_reads_like_a_local_one(make_shard: MakeShard, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [("a.jpg", b"1" * 50), ("a.npy", b"9" * 5000), ("a.txt", b"t"), ("b.jpg", b"2" * 101)]
    shard = make_shard(members)
    local = units_of(shard, max_member_bytes=100)
    stream = FileSystems.open(shard.path)
    monkeypatch.setattr(tar_units, "open_source", lambda shard, expansion: (RemoteFile(stream), ()))
    remote = units_of(shard, max_member_bytes=100)
    assert [(u.key, u.offset, u.text, u.reason) for u in remote] == [
        (u.key, u.offset, u.text, u.reason) for u in local
    ]
    assert [u.reason for u in remote] == [None, "oversized_member"]
    assert image_of(remote[0]) == image_of(local[0]) == b"1" * 50
    assert stream.closed


def test_odd_shards_of_other_programs(shared_data: Path) -> None:
    shards = find_shards([f"{shared_data}/odd_shards/**/*.t*"])
    assert len(shards) == 48
    tracemalloc.start()
    units = {shard.name: units_of(shard) for shard in shards}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 2**20
    for found in units.values():
        assert [u.index for u in found] == list(range(len(found)))
        assert all((u.reason is None) == (u.read_image is not None) for u in found)
    assert [u.reason for u in units["tar_rs/sparse-large.tar"]] == ["not_a_file"]
    assert [u.reason for u in units["tar_stream/incomplete.tar"]] == ["truncated_shard"]
    (latin,) = units["tar_stream/latin1.tar"]
    assert (latin.key, latin.mended) == ("En français, s'il vous plaît?", ("name_encoding",))
    assert [len(image_of(u)) for u in units["clip_retrieval/image1.tar"]] == [7421, 18569, 26726, 25591]
    assert len([u for u in units["webdataset/sample.tgz"] if u.reason is None and u.text is None]) == 90
    assert {u.reason for u in units["webdataset/testgz.tar"]} == {"missing_image"}
    assert [u.key for u in units["tar_stream/gnu-incremental.tar"]] == ["test"]


def test_clean_shards_read_as_webdataset_reads_them(shared_data: Path) -> None:
    shards = find_shards([f"{shared_data}/coco_open/shards/{{00000..00002}}.tar"])
    count = 0
    for shard in shards:
        with open(shard.path, "rb") as stream:
            members = ({**member, "__url__": shard.path} for member in tar_file_iterator(stream))
            for unit, sample in zip(units_of(shard), group_by_keys(members), strict=True):
                assert unit.key == sample["__key__"]
                assert image_of(unit) == sample["jpg"]
                assert unit.text == " ".join(sample["txt"].decode().split())
                assert unit.json == json.loads(sample["json"])
                count += 1
    assert count == 144
