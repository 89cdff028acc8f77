"""What the score stage learns of pictures, with a tiny CLIP of random weights."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from demo_data.scenes import write_scenes
from lvlm_workers.text_finder import FoundText, OcrTextFinder
from pipelines.command import run_stage
from pipelines.load_config import load_config
from pipelines.run import open_run
from pipelines.verify import verify
from recipes.wording.english import FUNCTION_WORDS
from schemas.config import RunConfig
from schemas.errors import ConfigError, RunError
from transforms.selecting.context_tags import ATTRIBUTES, TEMPLATES

Config = dict[str, Any]
Rows = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=24, seed=5, size_px=64, per_shard=16)
    return folder


@pytest.fixture
def config(checkpoint: Path, scenes: Path) -> Config:
    return {
        "input": {"shards": f"{scenes}/*.tar"},
        "score": {"clip": {"checkpoint": str(checkpoint), "batch_size": 5}, "max_drop_ratio": 1.0},
        "chunk_samples": 6,
    }


@pytest.fixture
def examples(config: Config, tmp_path: Path) -> Path:
    """Return a folder with bright pictures in `good`, dark ones in `bad`, and score by them."""
    random = np.random.default_rng(0)
    for name, low in (("good", 155), ("bad", 0)):
        (tmp_path / "examples" / name).mkdir(parents=True)
        for n in range(7):
            pixels = random.integers(low, low + 100, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "examples" / name / f"{n}.png")
    folder = tmp_path / "examples"
    config["score"]["quality"] = {"good": f"{folder}/good", "bad": f"{folder}/bad/*.png"}
    return folder


def embed(checkpoint: Path, pictures: list[bytes]) -> Rows:
    """Return the library's own embeddings, of unit length."""
    model, processor = CLIPModel.from_pretrained(checkpoint), CLIPProcessor.from_pretrained(checkpoint)
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    with torch.no_grad():
        found = model.get_image_features(**processor(images=images, return_tensors="pt")).pooler_output
    return unit(found.numpy().astype(np.float64))


def unit(rows: Rows) -> Rows:
    found: Rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return found


def pictures_of(run: Any) -> list[bytes]:
    return [
        next(data for ending, data in run.samples[key].items() if ending in ("jpg", "png", "webp"))
        for key in sorted(run.samples)
    ]


def told(run: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.output / "run.json").read_text())["score"]
    return found


def test_quality_is_the_cosine_with_the_direction_between_the_examples(
    curate: Callable[..., Any], config: Config, checkpoint: Path, examples: Path, tmp_path: Path
) -> None:
    (examples / "good" / "notes.txt").write_text("no picture")
    (examples / "good" / ".hidden").write_text("passed over")
    run = curate(config, tmp_path / "out")
    means = [
        unit(
            embed(checkpoint, [path.read_bytes() for path in sorted((examples / name).glob("*.png"))]).mean(0)
        )
        for name in ("good", "bad")
    ]
    wanted = embed(checkpoint, pictures_of(run)) @ unit(means[0] - means[1])
    found = [record["scores"]["quality"] for record in run.records]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    report = told(run)["quality"]
    assert (report["good"], report["bad"], report["unreadable"]) == (7, 7, 1)
    near = dict(report["near_good"])
    assert len(near) > 1
    assert list(near.values()) == sorted(near.values(), reverse=True)
    assert verify(str(run.output)) == []


def test_a_share_is_kept_by_quality(
    curate: Callable[..., Any], config: Config, examples: Path, tmp_path: Path
) -> None:
    whole = sorted(
        (one["scores"]["quality"] for one in curate(config, tmp_path / "out").records), reverse=True
    )
    config["score"]["keep"] = [{"of": "quality", "share": 0.7}]
    part = curate(config, tmp_path / "out")
    assert sorted((one["scores"]["quality"] for one in part.records), reverse=True) == whole[:16]
    assert part.counts["dropped"] == {"score": {"quality": 8}}


def test_other_examples_score_again_and_the_same_do_not(
    curate: Callable[..., Any],
    config: Config,
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = curate(config, tmp_path / "out")
    before = [one["scores"]["quality"] for one in first.records]
    with monkeypatch.context() as patched:
        patched.setattr("lvlm_workers.clip_scorer.ClipScorer.score", None)
        assert curate(config, tmp_path / "out").digests == first.digests
    (examples / "bad" / "6.png").write_bytes((examples / "good" / "6.png").read_bytes())
    after = [one["scores"]["quality"] for one in curate(config, tmp_path / "out").records]
    assert np.abs(np.array(before) - after).max() > 1e-4
    assert len(list((tmp_path / "out" / "work" / "scores").glob("quality-*.json"))) == 2


def test_examples_that_are_not_there_are_found_before_anything_starts(
    curate: Callable[..., Any], config: Config, examples: Path, tmp_path: Path
) -> None:
    config["score"]["quality"]["bad"] = f"{examples}/nowhere/*.png"
    with pytest.raises(ConfigError, match="nowhere/.* finds no file"):
        curate(config, tmp_path / "out")
    assert not (tmp_path / "out" / "work" / "facts").exists()
    del config["score"]["quality"]
    config["score"]["keep"] = [{"of": "quality", "share": 0.7}]
    with pytest.raises(ConfigError, match="add score.quality"):
        curate(config, tmp_path / "out")


def test_tags_are_the_softmax_over_an_attributes_values(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    bound = 0.2951
    config["score"]["tags"] = {"bound": bound}
    run = curate(config, tmp_path / "out")
    model, processor = CLIPModel.from_pretrained(checkpoint), CLIPProcessor.from_pretrained(checkpoint)
    images = embed(checkpoint, pictures_of(run))
    wanted: list[dict[str, str]] = [{} for _ in images]
    least = 1.0
    for attribute, values in ATTRIBUTES.items():
        means = []
        for phrases in values.values():
            texts = [template.replace("{}", phrase) for phrase in phrases for template in TEMPLATES]
            tokens = processor(text=texts, return_tensors="pt", padding=True, truncation=True)
            with torch.no_grad():
                found = model.get_text_features(**tokens).pooler_output
            means.append(unit(found.numpy().astype(np.float64)).mean(axis=0))
        logits = np.exp(float(model.logit_scale.detach())) * images @ np.stack(means).T
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        least = min(least, float(np.abs(shares.max(axis=1) - bound).min()))
        for tags, share in zip(wanted, shares, strict=True):
            if share.max() >= bound:
                tags[attribute] = list(values)[int(share.argmax())]
    assert least > 1e-4  # no share is so near to the bound that rounding decides
    assert [record["scores"]["context_tags"] for record in run.records] == wanted
    assert 0 < sum(map(len, wanted)) < len(wanted) * len(ATTRIBUTES)
    assert verify(str(run.output)) == []
    config["score"]["tags"] = {"bound": 1.0}
    assert all(one["scores"]["context_tags"] == {} for one in curate(config, tmp_path / "out").records)
    del config["score"]["tags"]
    assert all("context_tags" not in one["scores"] for one in curate(config, tmp_path / "out").records)


def read_left_half(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let every reader find this text in the left half of every picture."""

    def find(self: OcrTextFinder, picture: bytes) -> tuple[FoundText, ...]:
        return (FoundText(text=text, box=(0.0, 0.0, 0.5, 1.0), score=1.0),)

    monkeypatch.setattr(OcrTextFinder, "__init__", lambda self: None)
    monkeypatch.setattr(OcrTextFinder, "find", find)


def test_alt_texts_are_scored_against_pictures_without_their_writing(
    curate: Callable[..., Any],
    config: Config,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config["score"]["ocr"] = {}
    read_left_half(monkeypatch, "a red circle")
    run = curate(config, tmp_path / "out")
    assert verify(str(run.output)) == []
    processor = CLIPProcessor.from_pretrained(checkpoint)
    model = CLIPModel.from_pretrained(checkpoint)
    for record, picture in list(zip(run.records, pictures_of(run), strict=True))[::5]:
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).copy()
        edge, side = pixels.shape[1] // 2, int(np.ceil(0.25 * min(pixels.shape[1] // 2, pixels.shape[0])))
        pixels[:, :edge] = np.rint(pixels[:, edge : edge + side].reshape(-1, 3).mean(axis=0))
        inputs = processor(
            text=[record["alt_text"]], images=Image.fromarray(pixels), return_tensors="pt", truncation=True
        )
        with torch.no_grad():
            found = model(**inputs)
        wanted = float(found.image_embeds[0] @ found.text_embeds[0])
        assert record["scores"]["clip_masked"] == pytest.approx(wanted, abs=1e-5)
        words = set(re.findall(r"\w+", record["alt_text"].lower())) - FUNCTION_WORDS
        share = len(words & {"red", "circle"}) / len(words)
        assert record["scores"]["text_printed"] == pytest.approx(share, abs=1e-6)


def test_samples_go_by_what_is_written_in_them(
    curate: Callable[..., Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config["score"]["ocr"] = {}
    read_left_half(monkeypatch, "red circle blue square")
    whole = [record["scores"] for record in curate(config, tmp_path / "out").records]
    config["score"]["keep"] = [{"of": "clip_masked", "share": 0.5}]
    half = curate(config, tmp_path / "out").records
    best = sorted((one["clip_masked"] for one in whole), reverse=True)[:12]
    assert sorted((one["scores"]["clip_masked"] for one in half), reverse=True) == best
    printed = sorted({one["text_printed"] for one in whole})
    config["score"] |= {"keep": [], "ocr": {"max_printed": (printed[-2] + printed[-1]) / 2}}
    with monkeypatch.context() as patched:  # a bound reads nothing again
        patched.setattr("lvlm_workers.clip_scorer.ClipScorer.score", None)
        part = curate(config, tmp_path / "out")
    number = sum(one["text_printed"] == printed[-1] for one in whole)
    assert part.counts["dropped"] == {"score": {"text_printed": number}}
    assert {row["value"] for row in part.rejected} == {f"{printed[-1]:.4f}"}


def test_examples_without_a_direction_are_refused(
    curate: Callable[..., Any], config: Config, examples: Path, tmp_path: Path
) -> None:
    config["score"]["quality"]["bad"] = config["score"]["quality"]["good"]
    with pytest.raises(RunError, match="same mean; nothing sets them apart; give other examples"):
        curate(config, tmp_path / "out")
    (examples / "texts").mkdir()
    (examples / "texts" / "a.txt").write_text("no picture")
    config["score"]["quality"]["bad"] = f"{examples}/texts"
    with pytest.raises(RunError, match="there are no bad pictures"):
        curate(config, tmp_path / "out")


def test_dataflow_with_examples_of_this_machine_is_refused(
    config: Config, examples: Path, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"name": "test", **config}))
    run = open_run(load_config(str(path), RunConfig, (), str(tmp_path / "out")))
    there = run.config.model_copy(update={"output": "gs://bucket-of-1/out"})
    elsewhere = replace(run, config=there, jobs=(), arguments=("--runner=DataflowRunner",))
    with pytest.raises(ConfigError, match="cannot reach .*/examples/good; put it in a bucket"):
        run_stage(lambda _: pytest.fail("it ran"), elsewhere)
