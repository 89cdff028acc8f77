"""Regions end to end: real photographs and rendered scenes, embedded detector and a tiny OWLv2."""

import json
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from pipelines.verify import verify
from schemas.errors import ConfigError, PairwrightError
from schemas.regions import read_region
from transforms.regions.choose import OVER_LIMIT

Config = dict[str, Any]
TESTS = Path(__file__).parents[1]


def config(shards: str, detector: Config, *recipes: str) -> Config:
    return {
        "input": {"shards": shards},
        "workers": {"rules": {"kind": "rules"}, "detector": detector},
        "annotate": [
            *({"recipe": name, "worker": "rules"} for name in recipes),
            {"recipe": "detect", "worker": "detector"},
        ],
        "regions": {"min_score": 0.0, "min_decayed": 1e-9},
    }


def usage_of(run: Any) -> dict[str, Any]:
    """Return what run.json says of each recipe."""
    found: dict[str, Any] = json.loads((run.output / "run.json").read_text())["usage"]["recipes"]
    return found


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=6, seed=4, size_px=96, per_shard=3)
    return folder


def test_photographs_with_segments(curate: Callable[..., Any], shared_data: Path, tmp_path: Path) -> None:
    told = config(
        str(shared_data / "coco_open" / "shards" / "00000.tar"), {"kind": "segments"}, "cloc_phrases"
    )
    run = curate(told, tmp_path / "out")
    assert verify(str(run.output)) == []
    found = 0
    for record, row in zip(run.records, pq.read_table(run.output / "index.parquet").to_pylist(), strict=True):
        regions = [read_region(region) for region in record["regions"]]
        assert all(region is not None for region in regions)
        assert [region["score"] for region in record["regions"]] == sorted(
            (region["score"] for region in record["regions"]), reverse=True
        )
        assert (row["n_regions"], row["n_phrases"]) == (len(regions), len(record["phrases"]))
        assert record["provenance"]["regions"]["worker"] == "segments"
        found += len(regions)
    assert found > 100


def test_scenes_with_a_tiny_owlv2(curate: Callable[..., Any], scenes: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model = runpy.run_path(str(TESTS / "tiny_owlv2.py"))["save_owlv2"](tmp_path / "owl")
    told = config(f"{scenes}/*.tar", {"kind": "owlv2", "model": str(model), "threshold": 0.0}, "cloc_phrases")
    run = curate(told, tmp_path / "out")
    assert verify(str(run.output)) == []
    asked = {phrase for record in run.records for phrase in record["phrases"]}
    named = {region["phrase"] for record in run.records for region in record["regions"]}
    assert named
    assert named <= {phrase.removeprefix("a ").removeprefix("an ").removeprefix("the ") for phrase in asked}
    journals = list((run.output / "work" / "replies" / "detect").glob("*.jsonl"))
    assert sum(len(path.read_text().splitlines()) for path in journals) == len(run.records)
    usage = usage_of(run)["detect"]
    assert usage["replies"] == len(run.records)
    assert usage["cost"] is None
    assert "published" not in usage
    assert usage["texts"]["regions"]["kept"] == sum(len(record["regions"]) for record in run.records)


def test_other_choosing_asks_the_detector_nothing(
    curate: Callable[..., Any], scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    model = runpy.run_path(str(TESTS / "tiny_owlv2.py"))["save_owlv2"](tmp_path / "owl")
    told = config(f"{scenes}/*.tar", {"kind": "owlv2", "model": str(model), "threshold": 0.0})
    before = curate(told, tmp_path / "out").records
    monkeypatch.setattr("lvlm_workers.owlv2_checkpoint.Owlv2Checkpoint.detect", None)  # a call would fail
    told["regions"] = {"min_score": 0.0, "min_decayed": 1e-9, "max_regions": 1}
    after = curate(told, tmp_path / "out").records
    assert [record["regions"] for record in after] == [record["regions"][:1] for record in before]


def test_a_picture_in_which_nothing_is_found_is_published(
    curate: Callable[..., Any], scenes: Path, tmp_path: Path
) -> None:
    told = config(f"{scenes}/*.tar", {"kind": "segments"})
    told["regions"] = {"min_area": 0.99}
    run = curate(told, tmp_path / "out")
    assert run.counts["published"] == 6
    assert all(record["regions"] == [] for record in run.records)
    left_out = usage_of(run)["detect"]["texts"]["regions"]
    assert left_out["kept"] == 0
    assert left_out["dropped"] == {"smaller than the least area": sum(left_out["dropped"].values())}


def test_boxes_that_are_not_kept_are_counted(
    curate: Callable[..., Any], scenes: Path, tmp_path: Path
) -> None:
    told = config(f"{scenes}/*.tar", {"kind": "segments"})
    every = curate(told, tmp_path / "every")
    told["regions"]["max_regions"] = 1
    run = curate(told, tmp_path / "one")
    before, after = (usage_of(one)["detect"]["texts"]["regions"] for one in (every, run))
    assert before["kept"] == sum(len(record["regions"]) for record in every.records)
    assert after["kept"] == sum(len(record["regions"]) for record in run.records) == 6
    more = before["kept"] - after["kept"]
    assert more > 0
    assert Counter(after["dropped"]) == Counter(before["dropped"]) + Counter({OVER_LIMIT: more})
    card, report = ((run.output / name).read_text() for name in ("README.md", "report.html"))
    assert "## Texts that were left out" in card
    assert "| detect | `regions` | 6 |" in card
    assert "Tokens and cost" not in card
    assert "No model was asked" in report
    assert verify(str(run.output)) == []


@pytest.mark.parametrize("model", ["nowhere", "empty"])
def test_a_detector_that_is_not_there_stops_before_anything_starts(
    curate: Callable[..., Any], scenes: Path, tmp_path: Path, model: str
) -> None:
    (tmp_path / "empty").mkdir()
    told = config(f"{scenes}/*.tar", {"kind": "owlv2", "model": str(tmp_path / model)})
    with pytest.raises(PairwrightError, match=model):
        curate(told, tmp_path / "out")
    assert not (tmp_path / "out" / "work" / "facts").exists()


def test_a_detector_answers_no_recipe_that_writes(
    curate: Callable[..., Any], scenes: Path, tmp_path: Path
) -> None:
    told = config(f"{scenes}/*.tar", {"kind": "segments"})
    told["annotate"].append({"recipe": "laclip", "worker": "detector"})
    with pytest.raises(ConfigError, match="'laclip' asks for texts"):
        curate(told, tmp_path / "out")
