"""Card and croissant.json of whole runs: read by mlcroissant, counted again, the same on every rerun."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from demo_data.scenes import write_scenes
from pipelines.card import rebuild_card
from pipelines.verify import verify
from schemas.errors import ConfigError, RunError
from tests.croissant_reader import hold_records
from transforms.publish.check_mend import CURATE, REPORT

Curate = Callable[..., Any]
MINED = "mined_negatives.parquet"
HOSTILE = (
    "a | b <script>alert(1)</script> `c` [l](http://e.com) \u202egnp.exe two words",
    "### no heading\n\n| x |\n|---|\n![](http://e.com/a.png) <!-- three more words",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd $x$ &amp; www.example.com @name {{ more }}",
)

# What mlcroissant imports warns, so it has its own process, which reads set after set. Its cache is by
# relative names and would give a set another's pictures: it is emptied before each.
READ = """
import json, os, shutil, sys
from itertools import islice
import mlcroissant as mlc

def plain(value):
    if hasattr(value, "tobytes") and hasattr(value, "size") and hasattr(value, "mode"):
        return list(value.size)
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.decode() if isinstance(value, bytes) else value.item() if hasattr(value, "item") else value

for line in sys.stdin:
    shutil.rmtree(os.environ["CROISSANT_CACHE"], ignore_errors=True)
    path = line.strip()
    found = {}
    for record_set in mlc.Dataset(jsonld=path).metadata.record_sets:
        rows = islice(mlc.Dataset(jsonld=path).records(record_set.uuid), 10)
        found[record_set.uuid] = [
            {name.partition("/")[2]: plain(value) for name, value in row.items()} for row in rows
        ]
    print(json.dumps([sorted(mlc.Dataset(jsonld=path).metadata.ctx.issues.warnings), found]), flush=True)
"""
Found = dict[str, list[dict[str, Any]]]
Read = Callable[[Path], tuple[list[str], Found]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Return mlcroissant's warnings and the first ten records of every record set, read without a network."""
    folder = tmp_path_factory.mktemp("mlcroissant")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CROISSANT_CACHE": str(folder / "cache")}
    errors = folder / "stderr"
    with errors.open("wb") as stderr, subprocess.Popen(
        [sys.executable, "-c", READ], stdin=PIPE, stdout=PIPE, stderr=stderr, env=environment, text=True
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def records(output: Path) -> tuple[list[str], Found]:
            print(output / "croissant.json", file=asked, flush=True)
            answer = answers.readline()
            assert answer, errors.read_text()[-3000:]
            warnings, found = json.loads(answer)
            return warnings, found

        yield records
        process.stdin.close()


def _check_records(done: Any, read: Read) -> Found:
    """Hold what mlcroissant reads against the tars and the index, read without it."""
    warnings, found = read(done.output)
    config = json.loads((done.output / "run.json").read_text())["config"]
    assert warnings == [] or config["card"]["version"] is None  # what it asks for is configured or left out
    hold_records(found, done.output, done.samples, {"embeddings", "mined_negatives"})
    return found


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


@pytest.fixture(scope="module")
def made(curate: Curate, annotated: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run of one recipe; copy what is changed."""
    return curate(
        {**annotated, "annotate": annotated["annotate"][:1]}, tmp_path_factory.mktemp("made") / "out"
    )


def _cells(card: str, section: str) -> dict[str, list[str]]:
    """Return the cells of the rows of a section's tables, by the first."""
    return {first: rest for first, *rest in _rows(card, section)}


def _rows(card: str, section: str) -> list[list[str]]:
    lines = card.split(f"## {section}\n")[1].split("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]


def test_a_run_with_regions(curate: Curate, annotated: dict[str, Any], read: Read, tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    done = curate(annotated, tmp_path / "out")
    assert verify(str(done.output)) == []
    _check_records(done, read)
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
    curate: Curate, annotated: dict[str, Any], made: Any, tmp_path: Path
) -> None:
    names = ("README.md", "croissant.json")
    wanted = {name: (made.output / name).read_bytes() for name in names}
    assert all(str(made.output.parent).encode() not in data for data in wanted.values())
    assert b"2026-02-01" in wanted["croissant.json"]
    assert all(b"year = {2026}" in data for data in wanted.values())
    output = shutil.copytree(made.output, tmp_path / "copy")
    for name in names:
        (output / name).unlink()
    assert rebuild_card(str(output)) == [str(output / name) for name in names]
    assert {name: (output / name).read_bytes() for name in names} == wanted
    again = curate({**annotated, "annotate": annotated["annotate"][:1]}, tmp_path / "another" / "place")
    assert again.digests == made.digests
    assert verify(str(output)) == []


def test_a_run_without_recipes(curate: Curate, annotated: dict[str, Any], read: Read, tmp_path: Path) -> None:
    done = curate({**annotated, "annotate": []}, tmp_path / "out")
    assert verify(str(done.output)) == []
    _check_records(done, read)
    assert "no recipe was run" in (done.output / "README.md").read_text()


def test_a_run_that_publishes_nothing(curate: Curate, scenes: Path, read: Read, tmp_path: Path) -> None:
    filters = {"filters": [{"kind": "words", "min": 999}], "max_drop_ratio": 1}
    done = curate({"input": {"shards": f"{scenes}/*.tar"}, "profile": filters}, tmp_path / "out")
    assert done.counts["published"] == 0
    assert verify(str(done.output)) == []
    _check_records(done, read)
    assert "There is nothing to load" in (done.output / "README.md").read_text()


def test_a_run_with_scores(
    curate: Curate, annotated: dict[str, Any], checkpoint: Path, read: Read, tmp_path: Path
) -> None:
    scored = {
        **annotated,
        "annotate": annotated["annotate"][:1],
        "score": {
            "clip": {"checkpoint": str(checkpoint)},
            "keep": [{"of": "clip_alt", "min": -1}],
            "texts": {"margin": 0},
            "embeddings": True,
            "hard_negatives": {"most": 2},
        },
    }
    done = curate(scored, tmp_path / "out")
    assert verify(str(done.output)) == []
    found = _check_records(done, read)
    tables = [pq.read_table(path) for path in sorted((done.output / "embeddings").glob("*.parquet"))]
    assert found["embeddings"] == pa.concat_tables(tables).to_pylist()[:10]
    assert found["mined_negatives"] == pq.read_table(done.output / MINED).to_pylist()[:10]
    card = (done.output / "README.md").read_text()
    cosines = [round(sample["scores"]["clip_alt"], 3) for sample in done.records]
    median = np.quantile(cosines, 0.5, method="inverted_cdf")
    assert _cells(card, "Scores")["`clip_alt`"][1:4:2] == [str(len(cosines)), f"{median:.3f}"]
    assert "A sample is kept for `clip_alt` of -1 or more" in card
    assert str(tmp_path) not in card
    negatives = [[text for text in sample["long_negative"] if text] for sample in done.records]
    left = sum(map(bool, negatives))
    assert sum(map(len, negatives)) < sum(len(sample["long_negative"]) for sample in done.records)
    assert _cells(card, "Fields of `KEY.json`")["`long_negative`"][1:] == [
        f"{left} ({left / len(negatives):.1%})",
        str(sum(map(len, negatives))),
    ]
    _check_tables(card, done.output)
    front = yaml.safe_load(card.split("---\n")[1])
    (record,) = (one["struct"] for one in front["dataset_info"]["features"] if one["name"] == "json")
    (scores,) = (one["struct"] for one in record if one["name"] == "scores")
    assert set(done.records[0]["scores"]) <= {one["name"] for one in scores}


def _check_tables(card: str, output: Path) -> None:
    """Hold the card's section on tables against these."""
    names = {pa.string(): "string", pa.int32(): "int32", pa.float32(): "float32"}
    rows = {(file, column): kind for file, column, kind, _ in _rows(card, "Tables beside the shards")[2:]}
    for file, path in (("embeddings/NNNNN.parquet", "embeddings/00000.parquet"), (MINED, MINED)):
        for field in pq.read_schema(output / path):
            kind = names.get(field.type, "list of float16")
            assert rows.pop((f"`{file}`", f"`{field.name}`")) == kind
            assert kind != "list of float16" or field.type.value_type == pa.float16()
    assert rows == {}


def test_hostile_alt_texts(curate: Curate, read: Read, tmp_path: Path) -> None:
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
    _check_records(done, read)
    body = (done.output / "README.md").read_text().split("---\n", 2)[2]
    shown = body.split("## Some samples")[1].split("## Length")[0].strip().splitlines()
    rows = [line for line in shown if line.startswith("|")][2:]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.split(r"(?<!\\)\|", row)) == 6 for row in rows)
    assert re.search(r"(?<!\\)[<$`]|\u202e|http:|www\.", "\n".join(rows)) is None


def test_tampering_is_found(made: Any, tmp_path: Path) -> None:
    output = shutil.copytree(made.output, tmp_path / "copy")
    for name, old, new, told in (
        ("README.md", "| published |  |  | 1", "| published |  |  | 2", ""),
        ("README.md", "license: cc-by-4.0", "license: mit", ""),
        ("README.md", "---\n", "---\r\n", ""),
        ("croissant.json", '"contentSize": "', '"contentSize": "1', "index.parquet"),
        ("croissant.json", '"sha256": "', '"sha256": "0', "index.parquet"),
        (
            "croissant.json",
            '"shards/00001.tar",\n   "contentSize": "',
            '"shards/00001.tar",\n   "contentSize": "1',
            "",
        ),
        ("croissant.json", "CC-BY-4.0", "MIT", ""),
        ("croissant.json", '"shards/00001.tar"', '"shards/00007.tar"', ""),
        ("croissant.json", '"distribution"', '"distributed"', ""),
    ):
        path = output / name
        whole = path.read_bytes()
        changed = whole.replace(old.encode(), new.encode(), 1)
        assert changed != whole, (name, old)
        path.write_bytes(changed)
        problems = verify(str(output))
        assert problems, (name, old)
        assert all(problem.startswith(f"{told or name}: ") for problem in problems), problems
        assert all(problem.endswith(CURATE if told else REPORT) for problem in problems), problems
        path.unlink()
        assert verify(str(output)) == [f"{name}: missing; {REPORT}"]
        path.write_bytes(whole)
    run = json.loads((output / "run.json").read_text())
    run["coverage"]["long_positive"] -= 1
    (output / "run.json").write_text(json.dumps(run))
    number = len(made.records)
    told = f"run.json: coverage counts {number - 1} samples with long_positive, but the index has {number}"
    assert verify(str(output))[0] == f"{told}; {CURATE}"


def test_another_byte_in_a_shard_is_another_hash(made: Any, tmp_path: Path) -> None:
    output = shutil.copytree(made.output, tmp_path / "copy")
    shard = output / "shards" / "00000.tar"
    told = json.loads((output / "croissant.json").read_text())["distribution"][1]
    assert told["sha256"] == hashlib.sha256(shard.read_bytes()).hexdigest()
    assert told["contentSize"] == f"{shard.stat().st_size} B"
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.write_bytes(data)
    problems = verify(str(output))
    sizes = [
        f"{len(data)} B, sha256 {sha[:12]}..." for sha in (hashlib.sha256(data).hexdigest(), told["sha256"])
    ]
    assert problems[-1] == (
        f"croissant.json: shards/00000.tar has {sizes[0]}; croissant.json describes {sizes[1]}; {CURATE}"
    )


def test_folders_that_hold_no_finished_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no run\.json"):
        rebuild_card(str(tmp_path))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="no record of a run"):
        rebuild_card(str(tmp_path))
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"index\.parquet cannot be read"):
        rebuild_card(str(tmp_path))
