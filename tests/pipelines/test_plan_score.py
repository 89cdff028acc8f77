"""What a plan says of the score stage: the figures that were measured, models between them, and shares."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from pipelines.plan import plan
from pipelines.plan_interval import Estimate
from pipelines.plan_score import (
    BASE_32,
    DECODE_S,
    TINY,
    ClipSize,
    find_size,
    plan_score,
    read_size,
    score_seconds,
    size_of_name,
    uses_gpu,
)
from pipelines.plan_steps import StepPlan
from recipes.hqclip import HqClip
from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.score import ClipConfig
from schemas.scoring import ScoreConfig
from schemas.workers import RulesWorkerConfig
from transforms.steps import Step

NOTHING = Estimate.exact(0)
CPU = {"checkpoint": "x/y", "device": "cpu"}
LARGE_14 = ClipSize(layers=24, width=1024, places=257, text_layers=12, text_width=768)


def written(*fields: dict[str, Any]) -> StepPlan:
    step = Step(recipe=HqClip(), worker=RulesWorkerConfig(kind="rules"))
    annotations = {(0, n): Annotation(index=n, uid=str(n), fields=one) for n, one in enumerate(fields)}
    return StepPlan(
        step=step, looks=False, asked={}, written=annotations, share=NOTHING, text_in=NOTHING,
        image_in=NOTHING, shared=0, out=NOTHING,
    )  # fmt: skip


def scoring(**settings: Any) -> ScoreConfig:
    return ScoreConfig.model_validate({"clip": CPU} | settings)


def config(**score: Any) -> RunConfig:
    values = {"name": "n", "input": {"shards": "a.tar"}, "output": "o", "score": {"clip": CPU} | score}
    return RunConfig.model_validate(values)


FOUR = written({"long_positive": ["a", "b"]}, {"long_positive": ["a", "b", "c", "d", "e", "f"]})
"""Four texts a sample, and the alt text: the five of the benchmark."""


def test_the_measured_models_take_what_was_measured() -> None:
    """The table of docs/filters.md: 7 and 180 ms; and 4/5 of the words of five texts."""
    for size, five, words in ((TINY, 0.007, 0.0065), (BASE_32, 0.180, 0.117)):
        assert score_seconds(scoring(), size, [FOUR]) == pytest.approx(five)
        with_words = scoring(words={"epsilon": 0})
        assert score_seconds(with_words, size, [FOUR]) == pytest.approx(five + words * 4 / 5)


def test_other_models_lie_on_the_line_through_both() -> None:
    picture = 0.004 + 0.088 * (24 * 1024**2 * 257 - 4 * 128**2 * 65) / (12 * 768**2 * 50 - 4 * 128**2 * 65)
    text = 0.0006 + 0.017 * (12 * 768**2 - 4 * 128**2) / (12 * 512**2 - 4 * 128**2)
    assert score_seconds(scoring(), LARGE_14, []) == pytest.approx(picture + text)  # the alt text alone
    flipped = scoring(clip=CPU | {"average_flipped": True}, semantic={})
    assert score_seconds(flipped, LARGE_14, []) == pytest.approx(2 * picture + text + 0.00024)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("openai/clip-vit-base-patch32", BASE_32),
        ("openai/clip-vit-large-patch14", LARGE_14),
        (
            "google/siglip-base-patch16-256",
            ClipSize(layers=12, width=768, places=256, text_layers=12, text_width=768),
        ),
        ("mine/clip", None),
    ],
)
def test_a_hub_id_tells_its_size(name: str, size: ClipSize | None) -> None:
    assert size_of_name(name) == size
    assert find_size(ClipConfig(checkpoint=name))[0] == (size or BASE_32)


def test_the_size_is_read_of_a_folder(tmp_path: Path) -> None:
    tower = {"hidden_size": 128, "num_hidden_layers": 4}
    values = {"model_type": "clip", "vision_config": tower | {"image_size": 64, "patch_size": 8}}
    (tmp_path / "config.json").write_text(json.dumps(values | {"text_config": tower}))
    told = ClipConfig(checkpoint=str(tmp_path))
    assert find_size(told) == (TINY, "by the size in its config.json")
    assert read_size({"model_type": "clip"}) == BASE_32  # transformers leaves out what is its default
    for broken in ("", "[]", '{"vision_config": {"patch_size": 0}}', '{"text_config": {"hidden_size": "x"}}'):
        (tmp_path / "config.json").write_text(broken)
        assert find_size(told) == (BASE_32, "as by a ViT-B/32: its size is not known")


def test_where_a_gpu_scores_a_core_decodes() -> None:
    told = plan_score(config(clip=CPU | {"device": "cuda"}), [])
    assert told is not None
    assert (told.on_gpu, told.seconds) == (True, DECODE_S)
    assert not uses_gpu("cpu")


def test_the_least_share_is_kept_at_most_and_other_rules_are_named() -> None:
    rules = [{"share": 0.5}, {"of": "clip_caption", "preset": "datacomp-l14"}, {"min": 0.2}]
    told = plan_score(config(keep=rules, semantic={}), [])
    assert told is not None
    assert (told.share, told.unforeseen) == (0.3, ("keep[2]", "semantic"))
    assert plan_score(config().model_copy(update={"score": None}), []) is None


def test_a_share_reduces_what_is_published(tmp_path: Path) -> None:
    write_scenes(tmp_path, count=16, seed=5, size_px=64, per_shard=4)

    def lines(**score: Any) -> list[str]:
        told = config(**score).model_copy(update={"input": config().input.model_copy(
            update={"shards": (f"{tmp_path}/*.tar",)})})  # fmt: skip
        return list(plan(told, sample=128, total=10**6))

    def published(found: list[str]) -> float:
        row = next(line for line in found if line.startswith("published"))
        return float(row.split()[1])

    everything, half = lines(), lines(keep=[{"share": 0.5}])
    assert published(half) == pytest.approx(published(everything) / 2, rel=0.05)
    assert "score by x/y" in half
    assert any(line.split() == ["texts,", "a", "sample", "1.0", "beside", "its", "picture"] for line in half)
    assert any(line.startswith("  kept") and " 50.0 %" in line for line in half)
    assert any(line.startswith("score: 110 ms of a core a sample, as by a ViT-B/32") for line in half)
    row = next(line for line in half if line.startswith("score   "))
    assert float(row.split()[1].replace(",", "")) == pytest.approx(1e6 * 0.1096 / 3600, rel=0.02)
