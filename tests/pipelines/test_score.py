"""The score stage, with a tiny CLIP of random weights, held against the library's own forward pass."""

import io
import json
import runpy
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
from recipes.clip_tokens import cut_to_fit
from schemas.errors import ConfigError, DropRatioError

Config = dict[str, Any]
MAKE = runpy.run_path(str(Path(__file__).parents[1] / "tiny_clip.py"))["save_clip"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = MAKE(tmp_path_factory.mktemp("checkpoint") / "clip")
    return path


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
        kept = [
            k
            for k, (yes, no) in enumerate(
                zip(scores["clip_long_positive"], scores["clip_long_negative"], strict=True)
            )
            if yes >= alt and yes >= no
        ]
        for name in ("long_positive", "long_negative"):
            assert record[name] == [old[name][k] for k in kept]
            assert record["scores"][f"clip_{name}"] == [scores[f"clip_{name}"][k] for k in kept]
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
    found = curate(config, tmp_path / "mild").records
    for record in found:
        assert len(record["long_positive"]) > 0
        assert record["scores"]["f_clipscore_grad_long_positive"] == [0] * len(record["long_positive"])


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
