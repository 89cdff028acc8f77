import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import InputConfig
from schemas.reasons import REASONS
from schemas.shard import Shard
from transforms.diagnose import PROBLEMS, Diagnosis, diagnose
from transforms.reading.shard_paths import find_shards

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 30
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 30
GIF = b"GIF89a" + b"g" * 30


def look(
    tmp_path: Path,
    members: dict[str, bytes] | list[tuple[str, bytes]],
    cut: int | None = None,
    ending: str = "tar",
) -> Diagnosis:
    buffer = io.BytesIO()
    mode = "w:gz" if ending == "tar.gz" else "w"
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    (tmp_path / f"0.{ending}").write_bytes(buffer.getvalue()[:cut])
    (shard,) = find_shards([f"{tmp_path}/0.{ending}"])
    found = diagnose(shard, InputConfig(shards=("x",), max_member_bytes=1000))
    assert set(found.problems) <= {*REASONS, *PROBLEMS}
    return found


def counts(found: Diagnosis) -> dict[str, int]:
    return {kind: finding.count for kind, finding in found.problems.items()}


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_a_clean_shard(tmp_path: Path, ending: str) -> None:
    found = look(tmp_path, {"a.jpg": JPEG, "a.txt": b"t", "b.png": PNG, "b.txt": b""}, ending=ending)
    assert (found.shard, found.units, found.samples, found.is_clean) == (f"0.{ending}", 2, 2, True)


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("i.v1.jpg i.v1.txt i.v2.jpg i.v2.txt", {"dotted_key": 2}),
        ("a.jpg b.txt", {"missing_image": 1, "missing_text": 1}),
        ("a.jpg b.jpg a.txt b.txt", {"interleaved": 2}),
        ("a.jpg b.jpg a.txt", {"interleaved": 1, "missing_text": 1}),
        ("a.jpg a.txt b.jpg b.txt a.jpg a.txt", {"repeated_key": 1}),
        ("a.jpg a.jpg a.txt", {"repeated_member": 1}),
        ("a.jpg a.txt A.jpg A.txt", {"case_collision": 1}),
        ("/a.jpg /a.txt x/../b.jpg x/../b.txt c\\d.jpg c\\d.txt", {"odd_name": 3}),
        ("._a.jpg a.jpg ._a.txt a.txt .DS_Store .b.jpg", {"macos_leftover": 3, "no_key": 1}),
    ],
)
def test_problems_of_names(tmp_path: Path, ending: str, names: str, expected: dict[str, int]) -> None:
    members = [(name, JPEG if name.endswith("jpg") else b"t") for name in names.split()]
    assert counts(look(tmp_path, members, ending=ending)) == expected


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"a.jpg": PNG, "a.txt": b"t", "b.jpeg": JPEG, "b.txt": b"t"}, {"wrong_ending": 1}),
        ({"a.image": PNG, "a.txt": b"t"}, {}),
        ({"a.jpg": GIF, "a.txt": b"t"}, {"unsupported_format": 1}),
        ({"a.jpg": b"<html>", "a.txt": b"t"}, {"unknown_format": 1}),
        ({"a.jpg": b"BMW car for sale in Berlin", "a.txt": b"t"}, {"unknown_format": 1}),
        ({"a.jpg": b"II+\0" + bytes(40), "a.txt": b"t"}, {"unsupported_format": 1}),
        ({"a.jpg": b"\0\0\0\x1cftypmif1\0\0\0\0miafavif", "a.txt": b"t"}, {"unsupported_format": 1}),
        ({"a.jpg": b"", "a.txt": b"t"}, {"empty_image": 1}),
        ({"a.jpg": JPEG * 90, "a.txt": b"t"}, {"oversized_member": 1}),
        ({"a.jpg": JPEG, "a.txt": b"t", "a.npy": b"0" * 1001}, {"oversized_member": 1}),
    ],
)
def test_problems_of_contents(
    tmp_path: Path, ending: str, members: dict[str, bytes], expected: dict[str, int]
) -> None:
    assert counts(look(tmp_path, members, ending=ending)) == expected


def test_the_first_three_are_named(tmp_path: Path) -> None:
    finding = look(tmp_path, {f"{at}.jpg": JPEG for at in range(9)}).problems["missing_text"]
    assert (finding.count, finding.examples) == (9, ["0", "1", "2"])


def test_a_cut_shard(tmp_path: Path) -> None:
    members = {"a.jpg": JPEG, "a.txt": b"t", "b.jpg": JPEG, "b.txt": b"t"}
    found = look(tmp_path, members, cut=3072 + 5)
    assert (found.units, found.samples, counts(found)) == (2, 1, {"truncated_shard": 1})


def test_gzip_data_named_tar(tmp_path: Path) -> None:
    look(tmp_path, {"a.jpg": JPEG, "a.txt": b"t"}, ending="tar.gz")
    (tmp_path / "0.tar.gz").rename(tmp_path / "0.tar")
    (shard,) = find_shards([f"{tmp_path}/0.tar"])
    assert counts(diagnose(shard, InputConfig(shards=("x",)))) == {"gzip_named_tar": 1}


def test_a_parquet_shard(tmp_path: Path) -> None:
    path = tmp_path / "0.parquet"
    images = pa.array([JPEG, None, JPEG, JPEG], pa.binary())
    pq.write_table(pa.table({"jpg": images, "txt": ["a", "b", None, "d"], "key": ["k", "l", "m", "k"]}), path)
    shard = Shard(order=0, name="0.parquet", path=str(path), size_bytes=1, format="parquet")
    found = diagnose(shard, InputConfig(shards=("x",)))
    assert (found.units, found.samples) == (4, 2)
    assert counts(found) == {"missing_text": 1, "null_row": 1, "repeated_key": 1}


def test_real_shards_are_clean(shared_data: Path) -> None:
    for shard in find_shards([f"{shared_data}/coco_open/shards/*.tar"]):
        assert diagnose(shard, InputConfig(shards=("x",))).is_clean


def test_odd_shards_of_other_programs_are_accounted(shared_data: Path) -> None:
    for shard in find_shards([f"{shared_data}/odd_shards/**/*.t*"]):
        found = diagnose(shard, InputConfig(shards=("x",)))
        assert found.units == 0 or not found.is_clean
        assert found.samples == 0
