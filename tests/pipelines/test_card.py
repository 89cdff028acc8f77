"""Card and croissant.json of whole runs: read by mlcroissant, counted again, the same on every rerun."""

import hashlib
import json
import re
import runpy
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from demo_data.scenes import write_scenes
from pipelines.card import rebuild_card
from pipelines.verify import verify
from schemas.errors import ConfigError, RunError

Curate = Callable[..., Any]
CLIP = str(Path(__file__).parents[1] / "tiny_clip.py")
HOSTILE = (
    "a | b <script>alert(1)</script> `c` [l](http://e.com) \u202egnp.exe two words",
    "### no heading\n\n| x |\n|---|\n![](http://e.com/a.png) <!-- three more words",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd $x$ &amp; www.example.com @name {{ more }}",
)

# mlcroissant's cache is by relative names, and what it imports warns: each set is read in its own process.
READ = """
import json, sys
from itertools import islice
import mlcroissant as mlc
path = sys.argv[1]
found = {}
for record_set in mlc.Dataset(jsonld=path).metadata.record_sets:
    rows = []
    for record in islice(mlc.Dataset(jsonld=path).records(record_set.uuid), 10):
        row = {}
        for name, value in record.items():
            if hasattr(value, "tobytes") and hasattr(value, "size") and hasattr(value, "mode"):
                value = list(value.size)
            elif isinstance(value, bytes):
                value = value.decode()
            elif hasattr(value, "item"):
                value = value.item()
            row[name.partition("/")[2]] = value
        rows.append(row)
    found[record_set.uuid] = rows
print(json.dumps(found))
"""


def _environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CROISSANT_CACHE": str(tmp_path / "cache")}


def _read(output: Path, tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the first ten records of every record set, as mlcroissant reads them, without a network."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(output / "croissant.json")],
        capture_output=True, text=True, env=_environment(tmp_path), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def _check_records(done: Any, tmp_path: Path) -> None:
    """Hold what mlcroissant reads against the tars and the index, read without it."""
    found = _read(done.output, tmp_path)
    rows = {row["key"]: row for row in pq.read_table(done.output / "index.parquet").to_pylist()}
    assert set(found) == ({"index", "samples", "records"} if rows else {"index"})
    assert found["index"] == [rows[key] for key in sorted(rows)[:10]]
    for name in set(found) - {"index"}:
        assert len(found[name]) == len({row["key"] for row in found[name]}) == min(10, len(rows))
    for row in found.get("samples", ()):
        told = rows[row["key"]]
        assert row["image"] == [told["width"], told["height"]]
        assert (row["caption"], row["alt_text"]) == (told["caption"], told["alt_text"])
    for row in found.get("records", ()):
        assert row["json"].encode() == done.samples[row["key"]]["json"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=16, seed=3, size_px=64, per_shard=8)
    return folder


@pytest.fixture(scope="module")
def annotated(scenes: Path) -> dict[str, Any]:
    return {
        "license": "cc-by-4.0",
        "source": {"description": "Scenes drawn by a program.", "url": "https://example.com/scenes"},
        "card": {"creators": "Us", "version": "1.0.0", "published": "2026-02-01"},
        "input": {"shards": f"{scenes}/*.tar"},
        "profile": {"filters": [{"kind": "words", "min": 4}]},
        "workers": {"baseline": {"kind": "rules"}, "detector": {"kind": "segments"}},
        "annotate": [
            {"recipe": "hqclip", "worker": "baseline"},
            {"recipe": "cloc_phrases", "worker": "baseline"},
            {"recipe": "detect", "worker": "detector"},
        ],
        "publish": {"samples_per_shard": 6},
    }


def _cells(card: str, section: str) -> dict[str, list[str]]:
    """Return the cells of the rows of a section's tables, by the first."""
    lines = card.split(f"## {section}\n")[1].split("\n## ")[0].splitlines()
    rows = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|"))
    return {first: rest for first, *rest in rows}


def test_a_run_with_regions(curate: Curate, annotated: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    done = curate(annotated, tmp_path / "out")
    assert verify(str(done.output)) == []
    _check_records(done, tmp_path)
    card = (done.output / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "cc-by-4.0"
    (record,) = (one["struct"] for one in front["dataset_info"]["features"] if one["name"] == "json")
    named = {one["name"] for one in record} | {"scores", "provenance"}
    assert named == set(done.records[0])
    fields = _cells(card, "Fields of `KEY.json`")
    for name in ("long_positive", "phrases", "regions"):
        items = [len(sample[name]) for sample in done.records]
        share = f"{sum(map(bool, items))} ({sum(map(bool, items)) / len(items):.1%})"
        assert fields[f"`{name}`"][1:] == [share, str(sum(items))]
    words = [len(sample["caption"].split()) for sample in done.records]
    wanted = [*np.quantile(words, [0.05, 0.5, 0.95], method="inverted_cdf"), max(words)]
    assert _cells(card, "Length and vocabulary of the texts")["words of the caption"] == [
        str(int(value)) for value in wanted
    ]
    number = len(done.records)
    assert _cells(card, "Resolution of the pictures")["under 256"] == [str(number), "100.0%"]


def test_the_same_bytes_again_rebuilt_and_elsewhere(
    curate: Curate, annotated: dict[str, Any], tmp_path: Path
) -> None:
    plain = {**annotated, "annotate": annotated["annotate"][:1]}
    first = curate(plain, tmp_path / "out")
    names = ("README.md", "croissant.json")
    made = {name: (first.output / name).read_bytes() for name in names}
    assert all(str(tmp_path).encode() not in data for data in made.values())
    assert all(b"2026-02-01" in made["croissant.json"] and b"year = {2026}" in data for data in made.values())
    for name in names:
        (first.output / name).unlink()
    assert rebuild_card(str(first.output)) == [str(first.output / name) for name in names]
    assert {name: (first.output / name).read_bytes() for name in names} == made
    again = curate(plain, tmp_path / "another" / "place")
    assert {name: (again.output / name).read_bytes() for name in names} == made
    assert curate(plain, tmp_path / "out").digests == again.digests
    assert verify(str(first.output)) == []


def test_a_run_without_recipes(curate: Curate, annotated: dict[str, Any], tmp_path: Path) -> None:
    done = curate({**annotated, "annotate": []}, tmp_path / "out")
    assert verify(str(done.output)) == []
    _check_records(done, tmp_path)
    assert "no recipe was run" in (done.output / "README.md").read_text()
    validate = "from mlcroissant.scripts.cli import main; main()"
    checked = subprocess.run(
        [sys.executable, "-c", validate, "validate", "--jsonld", str(done.output / "croissant.json")],
        capture_output=True, text=True, env=_environment(tmp_path), check=False,
    )  # fmt: skip
    assert checked.returncode == 0
    assert checked.stderr.rstrip().endswith("Done.")
    assert "warning" not in checked.stderr  # with licence, version, date and citation none is left


def test_a_run_that_publishes_nothing(curate: Curate, scenes: Path, tmp_path: Path) -> None:
    filters = {"filters": [{"kind": "words", "min": 999}], "max_drop_ratio": 1}
    done = curate({"input": {"shards": f"{scenes}/*.tar"}, "profile": filters}, tmp_path / "out")
    assert done.counts["published"] == 0
    assert verify(str(done.output)) == []
    _check_records(done, tmp_path)
    assert "There is nothing to load" in (done.output / "README.md").read_text()


def test_a_run_with_scores(curate: Curate, annotated: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    checkpoint = runpy.run_path(CLIP)["save_clip"](tmp_path / "clip")
    scored = {
        **annotated,
        "annotate": annotated["annotate"][:1],
        "score": {"clip": {"checkpoint": str(checkpoint)}, "keep": [{"of": "clip_alt", "min": -1}]},
    }
    done = curate(scored, tmp_path / "out")
    assert verify(str(done.output)) == []
    _check_records(done, tmp_path)
    card = (done.output / "README.md").read_text()
    cosines = [round(sample["scores"]["clip_alt"], 3) for sample in done.records]
    median = np.quantile(cosines, 0.5, method="inverted_cdf")
    assert _cells(card, "Scores")["`clip_alt`"][1:4:2] == [str(len(cosines)), f"{median:.3f}"]
    assert "A sample is kept for `clip_alt` of -1 or more" in card
    assert str(tmp_path) not in card
    front = yaml.safe_load(card.split("---\n")[1])
    (record,) = (one["struct"] for one in front["dataset_info"]["features"] if one["name"] == "json")
    (scores,) = (one["struct"] for one in record if one["name"] == "scores")
    assert set(done.records[0]["scores"]) <= {one["name"] for one in scores}


def test_hostile_alt_texts(curate: Curate, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for number, text in enumerate(HOSTILE):
            picture = BytesIO()
            Image.new("RGB", (32, 32), (number * 80, 9, 99)).save(picture, "WEBP")
            for ending, data in (("webp", picture.getvalue()), ("txt", text.encode())):
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
    done = curate({"input": {"shards": f"{tmp_path}/in.tar"}}, tmp_path / "out")
    assert done.counts["published"] == len(HOSTILE)
    assert verify(str(done.output)) == []
    _check_records(done, tmp_path)
    body = (done.output / "README.md").read_text().split("---\n", 2)[2]
    shown = body.split("## Some samples")[1].split("## Length")[0].strip().splitlines()
    rows = [line for line in shown if line.startswith("|")][2:]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.split(r"(?<!\\)\|", row)) == 6 for row in rows)
    assert re.search(r"(?<!\\)[<$`]|\u202e|http:|www\.", "\n".join(rows)) is None


def test_tampering_is_found(curate: Curate, annotated: dict[str, Any], tmp_path: Path) -> None:
    done = curate({**annotated, "annotate": annotated["annotate"][:1]}, tmp_path / "out")
    for name, old, new in (
        ("README.md", "| published |  |  | 1", "| published |  |  | 2"),
        ("README.md", "license: cc-by-4.0", "license: mit"),
        ("README.md", "---\n", "---\r\n"),
        ("croissant.json", '"contentSize": "', '"contentSize": "1'),
        ("croissant.json", '"sha256": "', '"sha256": "0'),
        ("croissant.json", "CC-BY-4.0", "MIT"),
        ("croissant.json", '"shards/00001.tar"', '"shards/00007.tar"'),
        ("croissant.json", '"distribution"', '"distributed"'),
    ):
        path = done.output / name
        whole = path.read_bytes()
        changed = whole.replace(old.encode(), new.encode(), 1)
        assert changed != whole, (name, old)
        path.write_bytes(changed)
        problems = verify(str(done.output))
        assert problems, (name, old)
        assert all(problem.startswith(f"{name}: ") for problem in problems), problems
        path.unlink()
        assert verify(str(done.output)) == [f"{name}: missing; `pairwright report` writes it anew"]
        path.write_bytes(whole)
    run = json.loads((done.output / "run.json").read_text())
    run["coverage"]["long_positive"] -= 1
    (done.output / "run.json").write_text(json.dumps(run))
    number = len(done.records)
    told = f"run.json: coverage counts {number - 1} samples with long_positive, but the index has {number}"
    assert verify(str(done.output))[0] == told


def test_another_byte_in_a_shard_is_another_hash(
    curate: Curate, annotated: dict[str, Any], tmp_path: Path
) -> None:
    done = curate({**annotated, "annotate": []}, tmp_path / "out")
    shard = done.output / "shards" / "00000.tar"
    told = json.loads((done.output / "croissant.json").read_text())["distribution"][1]
    assert told["sha256"] == hashlib.sha256(shard.read_bytes()).hexdigest()
    assert told["contentSize"] == f"{shard.stat().st_size} B"
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    problems = verify(str(done.output))
    assert any(line.startswith("croissant.json: shards/00000.tar has another sha256") for line in problems)


def test_folders_that_hold_no_finished_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no run\.json"):
        rebuild_card(str(tmp_path))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="no record of a run"):
        rebuild_card(str(tmp_path))
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"index\.parquet cannot be read"):
        rebuild_card(str(tmp_path))
