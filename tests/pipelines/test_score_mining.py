"""Hard negatives across samples, with a tiny CLIP of random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from demo_data.scenes import write_scenes
from pipelines.verify import verify

Config = dict[str, Any]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "scenes").mkdir()
    write_scenes(folder / "scenes", count=24, seed=5, size_px=64, per_shard=10)
    return folder


@pytest.fixture
def config(made: Path, checkpoint: Path) -> Config:
    return {
        "input": {"shards": f"{made}/scenes/*.tar"},
        "score": {
            "clip": {"checkpoint": str(checkpoint), "batch_size": 8},
            "keep": [{"of": "clip_alt", "share": 0.8}],
            "hard_negatives": {"most": 3, "beta": 0.01},
            "embeddings": True,
        },
        "chunk_samples": 6,
    }


def table(run: Any) -> Rows:
    found: Rows = pq.read_table(run.output / "mined_negatives.parquet").to_pylist()
    return found


def by_hand(run: Any, most: int, beta: float, pool: set[str]) -> list[tuple[str, int, str, str]]:
    """Return the rows by looking at each text of the published embeddings, one by one."""
    vectors: dict[str, dict[str, Any]] = {}
    for path in sorted((run.output / "embeddings").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            whole = {name: np.asarray(row[name], np.float64) for name in ("image", "caption")}
            vectors[row["uid"]] = {name: v / np.linalg.norm(v) for name, v in whole.items()}
    captions = {record["uid"]: record["caption"] for record in run.records}
    rows = []
    for record in run.records:
        uid = record["uid"]
        image = vectors[uid]["image"]
        bound = image @ vectors[uid]["caption"] + beta
        best: dict[str, tuple[float, str, str]] = {}
        for other in sorted(pool):
            text = captions[other].casefold()
            cosine = float(image @ vectors[other]["caption"])
            if text != captions[uid].casefold() and cosine <= bound:
                best.setdefault(text, (-cosine, text, other))
        for rank, (_, _, other) in enumerate(sorted(best.values())[:most]):
            rows.append((uid, rank, other, captions[other]))
    return rows


def told(rows: Rows) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ("uid", "rank", "text_uid", "text")) for row in rows]


def test_negatives_are_those_of_looking_at_every_kept_caption(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    run = curate(config, tmp_path / "out")
    assert run.counts["published"] == 19
    rows = table(run)
    wanted = by_hand(run, 3, 0.01, {record["uid"] for record in run.records})
    assert told(rows) == wanted
    assert len(wanted) > 19
    assert verify(str(run.output)) == []
    again = curate(config, tmp_path / "again")
    assert again.digests["mined_negatives.parquet"] == run.digests["mined_negatives.parquet"]


def test_a_pool_is_drawn_and_a_change_mines_again(
    curate: Callable[..., Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = curate(config, tmp_path / "out")
    config["score"]["hard_negatives"] = {"most": 100, "beta": 2.0, "pool": 7}
    with monkeypatch.context() as patched:  # what was measured stays
        patched.setattr("lvlm_workers.clip_scorer.ClipScorer.score", None)
        second = curate(config, tmp_path / "out")
    pool = {row["text_uid"] for row in table(second)}
    assert len(pool) <= 7
    assert told(table(second)) == by_hand(second, 100, 2.0, pool)
    assert second.digests["mined_negatives.parquet"] != first.digests["mined_negatives.parquet"]
    assert second.digests["index.parquet"] == first.digests["index.parquet"]


def test_without_the_section_there_is_no_table(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    config["score"]["embeddings"] = False  # which mining keeps without publishing them
    run = curate(config, tmp_path / "out")
    assert len(table(run)) > 0
    assert not (run.output / "embeddings").exists()
    del config["score"]["hard_negatives"]
    assert not (curate(config, tmp_path / "out").output / "mined_negatives.parquet").exists()
