"""Report, card and croissant.json of three sets, each as a reader meets them."""

import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo_data.scenes import render_scene, scene_members, write_scenes
from demo_data.tar_writing import add_member
from pipelines.report import SAMPLES, run_report
from pipelines.verify import verify
from schemas.annotation import FIELDS
from tests.croissant_reader import check_records
from tests.report_walk import SCRIPT, Told, walk

Curate = Callable[..., Any]
ROOT = Path(__file__).parents[2]
SCENES = 5000
SETS = ("demo", "coco_open", "scenes")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shard of one sample, whose alt text is `SCRIPT`."""
    path = tmp_path_factory.mktemp("planted") / "planted.tar"
    members = dict(scene_members(render_scene(7_000_000, 400))) | {"txt": SCRIPT.encode()}
    with tarfile.open(path, "w") as tar:
        for ending in ("jpg", "txt"):
            add_member(tar, f"planted.{ending}", members[ending])
    return path


@pytest.fixture(scope="module", params=SETS)
def run(
    request: pytest.FixtureRequest, curate: Curate, planted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Return a finished run over a set and the planted sample, which the demo's filters drop."""
    shards, config = request.getfixturevalue(f"{request.param}_config")
    output = tmp_path_factory.mktemp(request.param) / "out"
    return curate(config | {"input": {"shards": [shards, str(planted)]}}, output)


@pytest.fixture(scope="module")
def demo_config(demo: Path) -> tuple[str, Mapping[str, Any]]:
    """Return what `make demo` runs."""
    config = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text())
    return f"{demo}/*.{{tar,tar.gz,parquet}}", config


@pytest.fixture(scope="module")
def coco_open_config(shared_data: Path, request: pytest.FixtureRequest) -> tuple[str, Mapping[str, Any]]:
    """Return photographs with regions, scored by a tiny CLIP."""
    pytest.importorskip("skimage")
    pytest.importorskip("torch")
    config = yaml.safe_load((ROOT / "configs" / "regions.yaml").read_text())
    clip = {"checkpoint": str(request.getfixturevalue("checkpoint"))}
    config["score"] = {"clip": clip, "keep": [{"of": "clip_alt", "min": -1}]}
    return str(shared_data / "coco_open" / "shards" / "*.tar"), config


@pytest.fixture(scope="module")
def scenes_config(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=SCENES, seed=1, size_px=48, per_shard=1000)
    config = {
        "profile": {"filters": [{"kind": "words", "max": 15}]},
        "dedup": {"near": {"max_distance": 4}},
        "workers": {"rules": {"kind": "rules"}},
        "annotate": [{"recipe": "laclip", "worker": "rules"}],  # and so the alt text is the caption
        "publish": {"samples_per_shard": 2000},
    }
    return f"{folder}/*.tar", config


def test_a_reader_finds_everything(run: Any, browser: Any) -> None:
    assert verify(str(run.output)) == []
    path = run.output / "report.html"
    published = run.counts["published"]
    assert f"{min(SAMPLES, published):,} of {published:,} published samples" in path.read_text()
    if run.counts["in"] == SCENES + 1:
        assert published > 0.95 * SCENES  # small pictures, and none is taken for another
    if published > SAMPLES:
        assert Path(run_report(str(run.output), samples=published)) == path
    assert path.stat().st_size < 25_000_000
    walk(browser, path, _told(run))


def test_croissant_and_card(run: Any, tmp_path: Path) -> None:
    check_records(run.output, run.samples, tmp_path)
    card = (run.output / "README.md").read_text()
    assert f"| published |  |  | {run.counts['published']:,} |" in card
    assert f"<b>{run.counts['published']:,}</b>" in (run.output / "report.html").read_text()


def _told(run: Any) -> Told:
    texts = {record["uid"]: " ".join(_strings(record)).lower() for record in run.records}
    by_uid = {record["uid"]: record for record in run.records}
    rejected = Counter(f"{row['stage']}/{row['reason']}" for row in run.rejected)
    recipes = Counter(
        name for record in run.records for name in {by["recipe"] for by in record["provenance"].values()}
    )
    (planted,) = [uid for uid, text in texts.items() if "window.ran" in text] or [
        row["uid"] for row in run.rejected if row["key"] == "planted"
    ]
    a_uid = run.records[len(run.records) // 2]["uid"]
    words = {
        query: sum(all(word in text for word in query.split()) for text in texts.values())
        for query in ("white", "small white", "yellow", "mirror")
    }
    return Told(
        samples=len(run.records) + len(run.rejected),
        published=len(run.records),
        words={a_uid: 1, **words},
        reasons=rejected,
        recipes=recipes,
        planted=planted,
        planted_caption=by_uid[planted]["caption"] if planted in by_uid else None,
        scores=_scores(run.records),
        phrases={
            record["uid"]: [region["phrase"] for region in record["regions"]]
            for record in run.records
            if record["regions"]
        },
    )


def _strings(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a sample is searched by: its texts, and where it came from."""
    yield f"{record['source']['shard']}: {record['source']['key']}"
    for name in ("alt_text", "caption", *FIELDS):
        value = record[name]
        for one in value if isinstance(value, list) else [value]:
            yield one["phrase"] if isinstance(one, dict) else one or ""


def _scores(records: list[dict[str, Any]]) -> dict[tuple[str, float], int]:
    """Return of each score how many samples reach the best of the middle one."""
    found: dict[str, list[float]] = {}
    for record in records:
        for name, value in record["scores"].items():
            cosines = value if isinstance(value, list) else [value]
            numbers = [cosine for cosine in cosines if isinstance(cosine, float)]
            if numbers and not name.startswith("f_clipscore"):
                found.setdefault(name, []).append(max(numbers))
        if record["regions"]:
            best = max(region["score"] for region in record["regions"])
            found.setdefault("regions", []).append(best)
    middle = {name: sorted(values)[len(values) // 2] for name, values in found.items()}
    return {(name, least): sum(value >= least for value in found[name]) for name, least in middle.items()}
