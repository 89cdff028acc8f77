"""The score stage, with a tiny CLIP of random weights, held against the library's own forward pass."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from demo_data.scenes import write_scenes
from lvlm_workers.clip_words import calibrate
from pipelines.verify import verify
from recipes.clip_tokens import cut_to_fit
from schemas.errors import ConfigError, DropRatioError, PairwrightError
from transforms.scoring.edit import BLIND, MISALIGNED

Config = dict[str, Any]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=24, seed=5, size_px=64, per_shard=8)
    return folder


@pytest.fixture
def config(checkpoint: Path, scenes: Path) -> Config:
    return {
        "input": {"shards": f"{scenes}/*.tar"},
        "workers": {"rules": {"kind": "rules"}},
        "annotate": [{"recipe": "hqclip", "worker": "rules"}, {"recipe": "laclip", "worker": "rules"}],
        "score": {"clip": {"checkpoint": str(checkpoint), "batch_size": 5}, "max_drop_ratio": 1.0},
        "chunk_samples": 6,
    }


def forward(checkpoint: Path, picture: bytes, texts: list[str]) -> list[float]:
    """Return the library's own cosines."""
    model, processor = CLIPModel.from_pretrained(checkpoint), CLIPProcessor.from_pretrained(checkpoint)
    inputs = processor(
        text=texts, images=Image.open(io.BytesIO(picture)).convert("RGB"), return_tensors="pt",
        padding=True, truncation=True,
    )  # fmt: skip
    with torch.no_grad():
        found = model(**inputs)
    cosines: list[float] = (found.image_embeds @ found.text_embeds.T)[0].tolist()
    return cosines


def test_published_scores_are_the_librarys(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    run = curate(config, tmp_path / "out")
    assert run.counts["published"] == 24
    for members in list(run.samples.values())[::7]:
        record = json.loads(members["json"])
        positives, negatives = record["long_positive"], record["long_negative"]
        texts = [record["alt_text"], record["caption"], *positives, *negatives, *record["rewrites"]]
        picture = next(data for ending, data in members.items() if ending in ("jpg", "png", "webp"))
        wanted = forward(checkpoint, picture, list(map(cut_to_fit, texts)))
        scores = record["scores"]
        assert len(scores["clip_long_positive"]) == len(positives)
        found = [scores["clip_alt"], scores["clip_caption"]]
        for name in ("long_positive", "long_negative", "rewrites"):
            found += scores[f"clip_{name}"]
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    index = pq.read_table(run.output / "index.parquet").to_pylist()
    assert [row["clip_alt"] for row in index] == pytest.approx(
        [record["scores"]["clip_alt"] for record in run.records]
    )


def test_a_share_of_the_pool_is_that_of_a_sort(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    whole = curate(config, tmp_path / "whole")
    scores = sorted((record["scores"]["clip_alt"] for record in whole.records), reverse=True)
    config["score"]["keep"] = [{"of": "clip_alt", "share": 0.3}]
    part = curate(config, tmp_path / "part")
    assert part.counts["published"] == 7
    assert sorted((record["scores"]["clip_alt"] for record in part.records), reverse=True) == scores[:7]
    assert part.counts["dropped"] == {"score": {"clip_alt": 17}}
    assert {row["reason"] for row in part.rejected} == {"clip_alt"}
    assert max(float(row["value"]) for row in part.rejected) <= scores[6]


def test_texts_are_left_out_and_pairs_stay_aligned(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    before = {record["uid"]: record for record in curate(config, tmp_path / "all").records}
    config["score"]["texts"] = {"margin": 0.0, "below_alt": 0.0}
    after = curate(config, tmp_path / "some").records
    assert len(after) == len(before)
    gone = 0
    for record in after:
        old = before[record["uid"]]
        scores, alt = old["scores"], old["scores"]["clip_alt"]
        pairs = list(zip(scores["clip_long_positive"], scores["clip_long_negative"], strict=True))
        kept = [k for k, (yes, _) in enumerate(pairs) if yes >= alt]
        blank = {k for k, (yes, no) in enumerate(pairs) if yes < no}
        assert record["long_positive"] == [old["long_positive"][k] for k in kept]
        assert record["scores"]["clip_long_positive"] == [pairs[k][0] for k in kept]
        assert record["long_negative"] == ["" if k in blank else old["long_negative"][k] for k in kept]
        assert record["scores"]["clip_long_negative"] == [None if k in blank else pairs[k][1] for k in kept]
        gone += len(old["long_positive"]) - len(kept)
        texts = {cut_to_fit(text): n for text, n in zip(
            [*record["long_positive"], record["alt_text"]],
            [*record["scores"]["clip_long_positive"], alt], strict=True,
        )}  # fmt: skip
        assert record["scores"]["clip_caption"] == texts[record["caption"]]
    assert gone > 0


def test_thresholds_ask_the_model_nothing_again(
    curate: Callable[..., Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = curate(config, tmp_path / "out")

    def never(*_: object) -> None:
        raise AssertionError("the model was asked again")

    monkeypatch.setattr("lvlm_workers.clip_scorer.ClipScorer.score", never)
    again = curate(config, tmp_path / "out")
    assert again.digests == first.digests
    config["score"]["keep"] = [{"of": "clip_best", "share": 0.5}]
    assert curate(config, tmp_path / "out").counts["published"] == 12


def test_words_that_the_picture_speaks_against(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    config["score"]["words"] = {"epsilon": 1.0}  # all of them
    strict = curate(config, tmp_path / "strict").records
    assert all(record["long_positive"] == record["long_negative"] == [] for record in strict)
    config["score"]["words"] = {"epsilon": -1.0}  # none
    found = curate(config, tmp_path / "strict").records
    for record in found:
        assert len(record["long_positive"]) > 0
        assert record["scores"]["f_clipscore_grad_long_positive"] == [0] * len(record["long_positive"])


def test_the_threshold_of_words_is_found_from_the_runs_own_pairs(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    config["score"]["words"] = {"template": "a "}
    run = curate(config, tmp_path / "out")
    (path,) = (run.output / "work" / "scores").glob("thresholds-*.json")
    told = json.loads(path.read_text())
    epsilon = told["thresholds"]["epsilon"]
    report = json.loads((run.output / "run.json").read_text())["score"]["words"]
    assert report == told["words"]
    assert report["epsilon"] == epsilon
    true: list[float] = []
    changed: list[float] = []
    left_out = 0
    for table in (run.output / "work" / "scores").glob("*.parquet"):
        for row in pq.read_table(table).to_pylist():
            pairs = zip(row["words_long_positive"], row["words_long_negative"], strict=True)
            for positive, negative in pairs:
                said = [word["word"].lower() for word in positive["words"]]
                true += [word["score"] for word in positive["words"]]
                left_out += any(word["score"] < epsilon for word in positive["words"])
                new = [word["score"] for word in negative["words"] if word["word"].lower() not in said]
                changed += new if len(new) <= 3 else []
    wanted = calibrate(true, changed)
    assert abs(youden(true, changed, epsilon) - wanted.youden_j) < 0.05
    told = json.loads((run.output / "run.json").read_text())["score"]["texts_left_out"]
    assert told.get("long_positive", {}).get(MISALIGNED, 0) == left_out


def youden(true: list[float], changed: list[float], epsilon: float) -> float:
    return float(np.mean(np.array(changed) < epsilon) - np.mean(np.array(true) < epsilon))


def test_a_checkpoint_that_is_not_there_is_found_before_anything_starts(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    config["score"]["clip"]["checkpoint"] = str(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="nowhere"):
        curate(config, tmp_path / "out")
    assert not (tmp_path / "out" / "work" / "facts").exists()


def test_too_many_drops_stop_the_run(curate: Callable[..., Any], config: Config, tmp_path: Path) -> None:
    config["score"] |= {"keep": [{"of": "clip_alt", "min": 1.0}], "max_drop_ratio": 0.9}
    with pytest.raises(DropRatioError, match="clip_alt"):
        curate(config, tmp_path / "out")


def test_embeddings_are_published_for_the_trainer(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    config["score"]["embeddings"] = True
    config["publish"] = {"samples_per_shard": 10}
    run = curate(config, tmp_path / "out")
    model = CLIPModel.from_pretrained(checkpoint)
    for name, shard in (("00000", 0), ("00002", 2)):
        rows = pq.read_table(run.output / "embeddings" / f"{name}.parquet").to_pylist()
        records = run.records[10 * shard :][:10]
        assert [row["uid"] for row in rows] == [record["uid"] for record in records]
        for row, record in zip(rows, records, strict=True):
            for text, score in (("alt_text", "clip_alt"), ("caption", "clip_caption")):
                cosine = np.dot(np.float32(row["image"]), np.float32(row[text]))
                assert cosine == pytest.approx(record["scores"][score], abs=2e-3)  # half precision
            assert len(row["image"]) == model.config.projection_dim
    del config["score"]["embeddings"]
    assert not list((curate(config, tmp_path / "out").output / "embeddings").glob("*"))


def test_pictures_that_mean_the_same_are_left_out(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    config["annotate"] = []
    config["score"]["embeddings"] = True
    whole = curate(config, tmp_path / "out")
    vectors = np.array(
        [
            row["image"]
            for path in sorted((whole.output / "embeddings").glob("*.parquet"))
            for row in pq.read_table(path).to_pylist()
        ],
        np.float64,
    )
    uids = [record["uid"] for record in whole.records]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centre = vectors.mean(axis=0)
    order = sorted(range(len(uids)), key=lambda n: (vectors[n] @ centre, uids[n]))  # the far ones first
    bound = float(np.quantile(vectors @ vectors.T, 0.8))
    wanted = {
        uids[n]
        for place, n in enumerate(order)
        if any(vectors[n] @ vectors[other] > bound for other in order[:place])
    }
    config["score"]["semantic"] = {"clusters": 1, "max_cosine": bound}
    part = curate(config, tmp_path / "out")
    assert {row["uid"] for row in part.rejected} == wanted
    assert {row["reason"] for row in part.rejected} == {"semantic_duplicate"}
    assert part.counts["published"] == len(uids) - len(wanted)


def test_what_is_named_often_is_thinned_and_negatives_are_refined(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    before = {record["uid"]: record for record in curate(config, tmp_path / "out").records}
    config["score"] |= {"balance": {"t": 1}, "negatives": {}}
    run = curate(config, tmp_path / "out")
    assert verify(str(run.output)) == []
    assert {row["reason"] for row in run.rejected} == {"balanced_out"}
    assert 0 < run.counts["published"] < 24
    blind = json.loads((run.output / "run.json").read_text())["score"]["negatives"]
    assert blind["pairs"] == sum(len(record["long_negative"]) for record in before.values())
    told = json.loads((run.output / "run.json").read_text())["score"]["texts_left_out"]
    blanks = sum(not text for record in run.records for text in record["long_negative"])
    assert told.get("long_negative", {}).get(BLIND, 0) == blanks
    for record in run.records:
        whole = before[record["uid"]]["long_negative"]
        assert all(text in ("", old) for text, old in zip(record["long_negative"], whole, strict=True))
        assert record["long_positive"] == before[record["uid"]]["long_positive"]


def test_the_caption_is_scored_whatever_fields_are(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    config["score"] |= {"fields": ["long_positive", "long_negative"], "texts": {"min": 1.0}}
    run = curate(config, tmp_path / "out")
    for record in run.records:
        assert (record["long_positive"], record["caption"]) == ([], cut_to_fit(record["alt_text"]))
        assert record["scores"]["clip_caption"] == record["scores"]["clip_alt"]


@pytest.mark.parametrize(
    "rules",
    [{"keep": [{"share": 0.5}]}, {"words": {}}, {"negatives": {}}, {"semantic": {}}, {"balance": {"t": 1}}],
    ids=lambda rules: next(iter(rules)),
)
def test_nothing_is_left_to_score(
    curate: Callable[..., Any], config: Config, tmp_path: Path, rules: Config
) -> None:
    config["profile"] = {"filters": [{"kind": "side", "min_px": 100_000}], "max_drop_ratio": 1}
    config["score"] |= rules
    assert curate(config, tmp_path / "out").counts["published"] == 0


def test_negatives_of_nobody_are_refined(curate: Callable[..., Any], config: Config, tmp_path: Path) -> None:
    config["annotate"] = []
    config["score"]["negatives"] = {}
    run = curate(config, tmp_path / "out")
    assert run.counts["published"] == 24
    assert json.loads((run.output / "run.json").read_text())["score"]["negatives"]["pairs"] == 0


def test_limits_and_machines_redo_nothing(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    config["score"] |= {"semantic": {"max_cosine": 0.9999}, "negatives": {}}
    first = curate(config, tmp_path / "out")
    made = tables(first.output)
    tars = {path: path.stat().st_mtime_ns for path in (first.output / "shards").glob("*.tar")}
    elsewhere = tmp_path / "elsewhere" / checkpoint.parent.name / checkpoint.name  # as the card names it
    shutil.copytree(checkpoint, elsewhere)
    config["score"]["clip"] = {"checkpoint": str(elsewhere), "batch_size": 3}
    config["score"]["max_drop_ratio"] = 0.99
    again = curate(config, tmp_path / "out")
    assert again.digests == first.digests
    assert made == tables(first.output)
    assert tars == {path: path.stat().st_mtime_ns for path in (first.output / "shards").glob("*.tar")}
    config["score"]["balance"] = {"t": 10_000, "unmatched": "keep"}
    curate(config, tmp_path / "out")
    kept = {path for path in made if path.name.startswith(("semantic", "negatives"))}
    assert len(kept) == 4
    assert all(path.stat().st_mtime_ns == made[path] for path in kept)
    names = [path.name.split("-")[0] for path in (first.output / "work" / "scores").iterdir()]
    assert names.count("semantic") == 3


def tables(output: Path) -> dict[Path, int]:
    """Return when each table and model of the stage was written; accounts are added up anew every time."""
    found = (output / "work" / "scores").iterdir()
    return {path: path.stat().st_mtime_ns for path in found if not path.name.startswith("summary")}


def test_a_damaged_table_of_scores_is_made_anew(
    curate: Callable[..., Any], config: Config, tmp_path: Path
) -> None:
    first = curate(config, tmp_path / "out")
    table = sorted((first.output / "work" / "scores").glob("00000-*.parquet"))[0]
    table.write_bytes(table.read_bytes()[:100])
    config["publish"] = {"samples_per_shard": 5}
    with pytest.raises(PairwrightError, match="remove it"):
        curate(config, tmp_path / "out")
    table.unlink()
    assert curate(config, tmp_path / "out").counts["published"] == 24
