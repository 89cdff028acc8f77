"""The doctor's words, status and repaired shards."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_data.scenes import render_scene, scene_members, write_scenes
from pipelines.doctor import run_doctor
from pipelines.verify import verify
from schemas.errors import ConfigError
from tests.object_store import Shelf
from tests.tars import write_tar


def picture(seed: int) -> bytes:
    return dict(scene_members(render_scene(seed, 64)))["jpg"]


def sick(folder: Path) -> Path:
    """Write a shard with two dotted keys, a pair of halves, a half without its other, and a torn tail."""
    members = [
        ("img.v1.jpg", picture(1)),
        ("img.v1.txt", b"a first picture"),
        ("img.v2.jpg", picture(2)),
        ("img.v2.txt", b"a second picture"),
        ("a.jpg", picture(3)),
        ("b.jpg", picture(4)),
        ("a.txt", b"a third picture"),
        ("b.txt", b"a fourth picture"),
        ("lonely.txt", b"a text alone"),
        ("z.jpg", picture(5)),
    ]
    path = folder / "sick.tar"
    write_tar(path, members, cut=700)
    return path


def test_a_clean_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scenes(tmp_path, count=4, seed=1, size_px=64, per_shard=2)
    assert run_doctor([f"{tmp_path}/*.tar"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "00000.tar: 2 units, 2 with image and text; clean",
        "00001.tar: 2 units, 2 with image and text; clean",
        "2 shards, 0 with problems",
    ]


def test_a_sick_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tar(tmp_path / "clean.tar", [("k.jpg", picture(9)), ("k.txt", b"a text")])
    sick(tmp_path)
    assert run_doctor([f"{tmp_path}/*.tar"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "clean.tar: 1 units, 1 with image and text; clean"
    assert lines[1].startswith("sick.tar: ")
    assert lines[1].endswith("problems: dotted_key, interleaved, missing_image, truncated_shard")
    found = {line.split()[0]: line for line in lines[2:] if line.startswith("  ") and line[2] != " "}
    assert found["dotted_key"].startswith("  dotted_key (2): the key has dots: WebDataset's loaders take")
    assert found["interleaved"].startswith("  interleaved (2): the sample's members do not lie beside each")
    assert found["missing_image"].startswith("  missing_image (1): ")
    assert found["truncated_shard"].startswith("  truncated_shard (1): the shard ends in mid-member")
    assert lines[lines.index(found["dotted_key"]) + 1] == "    such as img.v1, img.v2"
    assert lines[-1] == "2 shards, 1 with problems"


def test_a_repaired_shard_is_clean_and_curates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], curate: Callable[..., Any]
) -> None:
    path = sick(tmp_path / "in")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run_doctor([str(path)], repair_folder=str(tmp_path / "clean")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"  wrote {tmp_path}/clean/sick.tar: 4 samples" in lines
    assert "  left out: 1 missing_image, 1 truncated_shard" in lines
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert run_doctor([f"{tmp_path}/clean/*.tar"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 shards, 0 with problems"
    done = curate({"input": {"shards": f"{tmp_path}/clean/*.tar"}}, tmp_path / "out")
    assert done.counts == {"in": 4, "published": 4, "dropped": {}, "failed": {}}
    assert {record["alt_text"] for record in done.records} == {
        "a first picture", "a second picture", "a third picture", "a fourth picture",
    }  # fmt: skip
    images = {hashlib.sha256(picture(seed)).hexdigest() for seed in (1, 2, 3, 4)}
    assert {record["facts"]["sha256"] for record in done.records} == images
    assert verify(str(done.output)) == []


def test_shards_of_two_folders_stay_in_theirs(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_tar(tmp_path / "in" / name / "0.tar", [("k.jpg", picture(1)), ("k.txt", name.encode())])
    run_doctor([f"{tmp_path}/in/*/0.tar"], repair_folder=str(tmp_path / "clean"))
    assert sorted(p.relative_to(tmp_path / "clean") for p in (tmp_path / "clean").rglob("*.tar")) == [
        Path("x/0.tar"),
        Path("y/0.tar"),
    ]


@pytest.fixture
def pail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return the files of an object store with one shard, from within an empty folder."""
    write_tar(tmp_path / "0.tar", [("k.jpg", picture(1)), ("k.txt", b"a text")])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Shelf.reset()
    Shelf.files["shelf://b/in/0.tar"] = (tmp_path / "0.tar").read_bytes()
    return Shelf.files


def test_clean_shards_go_to_an_object_store(pail: dict[str, bytes]) -> None:
    assert run_doctor(["shelf://b/in/*.tar"], repair_folder="shelf://b/clean") == 0
    assert sorted(pail) == ["shelf://b/clean/0.tar", "shelf://b/in/0.tar"]
    with tarfile.open(fileobj=io.BytesIO(pail["shelf://b/clean/0.tar"])) as tar:
        assert tar.getnames() == ["k.jpg", "k.txt"]
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("folder", ["shelf://b/in", "shelf://b/in/", "shelf://b/x/../in"])
def test_no_input_of_an_object_store_is_overwritten(pail: dict[str, bytes], folder: str) -> None:
    before = dict(pail)
    with pytest.raises(ConfigError, match=r"would overwrite the input; give another folder to --repair"):
        run_doctor(["shelf://b/in/*.tar"], repair_folder=folder)
    assert pail == before


@pytest.mark.parametrize("folder", ["in", "in/deep/..", "in/x"])
def test_no_input_is_overwritten(tmp_path: Path, folder: str) -> None:
    members = [("k.jpg", picture(1)), ("k.txt", b"a text")]
    for name in ("0.tar", "x/0.tar"):
        write_tar(tmp_path / "in" / name, members)
    (tmp_path / "in" / "deep").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.tar")}
    with pytest.raises(ConfigError, match=r"would overwrite the input; give another folder to --repair"):
        run_doctor([f"{tmp_path}/in/**/*.tar"], repair_folder=str(tmp_path / folder))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.tar")} == before


def test_two_shards_of_one_name_are_not_written_over_each_other(tmp_path: Path) -> None:
    import gzip

    members = [("k.jpg", picture(1)), ("k.txt", b"a text")]
    write_tar(tmp_path / "in" / "0.tar", members)
    (tmp_path / "in" / "0.tar.gz").write_bytes(gzip.compress((tmp_path / "in" / "0.tar").read_bytes()))
    with pytest.raises(ConfigError, match="two shards would be written to"):
        run_doctor([f"{tmp_path}/in/*"], repair_folder=str(tmp_path / "clean"))
    assert not (tmp_path / "clean").exists()


def test_parquet_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_tar(tmp_path / "in" / "0.tar", [("k.jpg", picture(1)), ("k.txt", b"a text")])
    pq.write_table(pa.table({"image": [picture(1)], "text": ["a text"]}), tmp_path / "in" / "1.parquet")
    with pytest.raises(ConfigError, match="is Parquet, and its rows need no repair; name the tars alone"):
        run_doctor([f"{tmp_path}/in/*"], repair_folder=str(tmp_path / "clean"))
    assert not (tmp_path / "clean").exists()


def test_names_from_a_shard_print_as_plain_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tar(tmp_path / "0.tar", [("\x1b[2Jevil.txt", b"x"), ("a.jpg", picture(1)), ("a.txt", b"a text")])
    assert run_doctor([str(tmp_path / "0.tar")]) == 1
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())
