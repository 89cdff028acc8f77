import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.config import InputConfig
from schemas.shard import Shard
from transforms.diagnose import diagnose
from transforms.reading.shard_paths import InputError, find_shards
from transforms.reading.units import read_units
from transforms.repair import RepairSummary, repair

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 30
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 600
CONFIG = InputConfig(shards=("x",), max_member_bytes=5000)


def write(path: Path, members: list[tuple[str, bytes]]) -> Shard:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode, info.uid = len(data), 12345, 0o755, 7
            tar.addfile(info, io.BytesIO(data))
    data = buffer.getvalue()
    path.write_bytes(gzip.compress(data) if path.name.endswith("gz") else data)
    return find_shards([str(path)])[0]


def mend(
    tmp_path: Path, members: list[tuple[str, bytes]], name: str = "in.tar"
) -> tuple[RepairSummary, dict[str, bytes]]:
    summary = repair(write(tmp_path / name, members), CONFIG, str(tmp_path / "out.tar"))
    (output,) = find_shards([str(tmp_path / "out.tar")])
    found = diagnose(output, CONFIG)
    assert set(found.problems) == (set() if found.units else {"no_samples"})
    assert (found.units, found.samples) == (summary.kept, summary.kept)
    with tarfile.open(output.path) as tar:
        infos = tar.getmembers()
        assert [i.name for i in infos] == sorted(i.name for i in infos)
        assert all((i.mtime, i.mode, i.uid, i.uname, i.isreg()) == (0, 0o644, 0, "", True) for i in infos)
        contents = [tar.extractfile(i) for i in infos]
        return summary, {i.name: c.read() for i, c in zip(infos, contents, strict=True) if c}


def named(names: str) -> list[tuple[str, bytes]]:
    return [
        (name, JPEG + bytes([at]) if name.endswith("jpg") else bytes([65 + at]))
        for at, name in enumerate(names.split())
    ]


@pytest.mark.parametrize("name", ["in.tar", "in.tar.gz"])
@pytest.mark.parametrize(
    ("names", "written", "left_out"),
    [
        ("b.jpg b.txt a.jpg a.txt", "a.jpg a.txt b.jpg b.txt", {}),
        ("b.jpg a.jpg b.txt a.txt", "a.jpg a.txt b.jpg b.txt", {}),
        ("a.jpg b.jpg a.txt", "a.jpg a.txt", {"missing_text": 1}),
        ("a.jpg a.txt b.jpg b.txt a.cls a.json", "a.cls a.jpg a.json a.txt b.jpg b.txt", {}),
        ("a.jpg a.txt a.jpg a.txt", "a-1.jpg a-1.txt a.jpg a.txt", {}),
        ("a.jpg a.txt b.jpg b.txt a.jpg", "a.jpg a.txt b.jpg b.txt", {"missing_text": 1}),
        ("a.jpg a.txt A.jpg A.txt", "A-1.jpg A-1.txt a.jpg a.txt", {}),
        ("i.v1.jpg i.v1.txt i.v2.jpg i.v2.txt", "i_v1.jpg i_v1.txt i_v2.jpg i_v2.txt", {}),
        (
            "i.v1.jpg i.v2.jpg x.txt i.v1.txt i.v2.txt",
            "i_v1.jpg i_v1.txt i_v2.jpg i_v2.txt",
            {"missing_image": 1},
        ),
        ("a.jpg a.txt a.npy a.seg.png a._x", "a.jpg a.npy a.txt", {}),
        ("../../a.jpg ../../a.txt", "a.jpg a.txt", {}),
        ("/etc/c.d/a.jpg /etc/c.d/a.txt", "etc/c_d/a.jpg etc/c_d/a.txt", {}),
        ("./__m__/a.jpg ./__m__/a.txt", "m__/a.jpg m__/a.txt", {}),
        ("._a.jpg a.jpg a.txt", "a.jpg a.txt", {"no_key": 1}),
        ("a.jpg a.jpg a.txt", "", {"repeated_member": 1}),
    ],
)
def test_brings_order(tmp_path: Path, name: str, names: str, written: str, left_out: dict[str, int]) -> None:
    summary, contents = mend(tmp_path, named(names), name)
    assert list(contents) == written.split()
    assert summary.left_out == left_out
    assert summary.kept == sum(n.endswith("jpg") for n in written.split())


def test_members_keep_their_bytes(tmp_path: Path) -> None:
    members = named("b.jpg a.jpg b.txt a.txt")
    assert mend(tmp_path, members)[1] == dict(members)


def test_endings_are_set_right_by_the_first_bytes(tmp_path: Path) -> None:
    members = [("a.jpg", PNG), ("a.png", JPEG), ("a.txt", b"t"), ("b.image", PNG), ("b.txt", b"t")]
    summary, contents = mend(tmp_path, members)
    assert contents == {"a.png": PNG, "a.txt": b"t", "b.image": PNG, "b.txt": b"t"}
    assert summary == RepairSummary(kept=2, renamed=0, left_out={})


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    members = [("a.jpg", b"<html>"), ("a.txt", b"t"), ("b.jpg", b"GIF89a"), ("b.txt", b"t"), ("c.jpg", b"")]
    summary, contents = mend(tmp_path, [*members, ("c.txt", b"t"), ("d.jpg", JPEG * 200), ("d.txt", b"t")])
    assert contents == {}
    assert summary.left_out == {
        "empty_image": 1,
        "oversized_member": 1,
        "unknown_format": 1,
        "unsupported_format": 1,
    }


def test_a_cut_shard_gives_what_it_has(tmp_path: Path) -> None:
    shard = write(tmp_path / "in.tar", named("a.jpg a.txt b.jpg b.txt"))
    with open(shard.path, "r+b") as stream:
        stream.truncate(3072 + 1)
    summary = repair(shard, CONFIG, str(tmp_path / "out.tar"))
    assert summary == RepairSummary(kept=1, renamed=0, left_out={"truncated_shard": 1})


def test_a_text_in_the_json_is_enough(tmp_path: Path) -> None:
    summary, contents = mend(tmp_path, [("a.jpg", JPEG), ("a.json", json.dumps({"caption": "c"}).encode())])
    assert (summary.kept, sorted(contents)) == (1, ["a.jpg", "a.json"])


def test_parquet_is_refused() -> None:
    shard = Shard(order=0, name="0.parquet", path="0.parquet", size_bytes=0, format="parquet")
    with pytest.raises(InputError, match="rows need no repair"):
        repair(shard, CONFIG, "out.tar")


def test_a_failed_repair_leaves_nothing(tmp_path: Path) -> None:
    shard = Shard(order=0, name="0.tar", path=f"{tmp_path}/0.tar", size_bytes=0, format="tar")
    with pytest.raises(FileNotFoundError):
        repair(shard, CONFIG, str(tmp_path / "out/0.tar"))
    assert not (tmp_path / "out").exists()


KEYS = st.sampled_from(
    ["a", "A", "b", "d/a", "./a", "../a", "i.v1", "i.v2", "i", "é", "a\\b", "a-1", "x" * 120, ".h"]
)
ENDINGS = st.sampled_from(["jpg", "JPG", "png", "txt", "txt", "json", "npy", "seg.png", "caption", ""])
DATA = st.sampled_from(
    [JPEG, PNG, b"t", b"", b'{"caption": "c"}', b"GIF89a", b"\x81\x8d\x8f\x90" * 20, b"9" * 6000]
)
MEMBERS = st.lists(st.tuples(KEYS, ENDINGS, DATA), max_size=16)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERS)
def test_a_repaired_shard_is_clean_and_repairing_it_again_changes_nothing(
    tmp_path: Path, parts: list[tuple[str, str, bytes]]
) -> None:
    members = [(f"{key}.{ending}" if ending else key, data) for key, ending, data in parts]
    summary, _ = mend(tmp_path, members)
    first = (tmp_path / "out.tar").read_bytes()
    before = diagnose(find_shards([str(tmp_path / "in.tar")])[0], CONFIG)
    unusable = sum(
        before.problems[k].count for k in ("unknown_format", "unsupported_format") if k in before.problems
    )
    assert summary.kept >= before.samples - unusable
    (output,) = find_shards([str(tmp_path / "out.tar")])
    again = repair(output, CONFIG, str(tmp_path / "again.tar"))
    assert again == RepairSummary(kept=summary.kept, renamed=0, left_out={})
    assert (tmp_path / "again.tar").read_bytes() == first


def test_real_shards_lose_nothing(tmp_path: Path, shared_data: Path) -> None:
    shard = find_shards([f"{shared_data}/coco_open/shards/00002.tar"])[0]
    config = InputConfig(shards=("x",))
    assert repair(shard, config, f"{tmp_path}/out.tar") == RepairSummary(kept=44, renamed=0, left_out={})
    (output,) = find_shards([f"{tmp_path}/out.tar"])
    pairs = zip(read_units(shard, config), read_units(output, config), strict=True)
    for before, after in pairs:
        assert (before.key, before.text, before.json) == (after.key, after.text, after.json)
        assert before.read_image is not None
        assert after.read_image is not None
        assert before.read_image() == after.read_image()


def test_a_cut_gzip_stream_gives_what_it_has_and_is_counted_once(tmp_path: Path) -> None:
    shard = write(tmp_path / "in.tar.gz", named("a.jpg a.txt b.jpg b.txt c.jpg c.txt"))
    with open(shard.path, "r+b") as stream:
        stream.truncate(shard.size_bytes - 9)
    summary = repair(shard, CONFIG, str(tmp_path / "out.tar"))
    assert summary == RepairSummary(kept=3, renamed=0, left_out={"truncated_shard": 1})
