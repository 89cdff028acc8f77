"""What steps will ask, where some start from what others write."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.load_config import load_config
from pipelines.plan_prior import likely_fields, text_tokens
from pipelines.plan_read import read_sample
from pipelines.plan_sample import Sample
from pipelines.plan_steps import SEGMENTS_S, StepPlan, expect_steps
from pipelines.run import checked_steps
from recipes.registry import get_recipe
from schemas.config import RunConfig
from schemas.facts import Facts, written
from transforms.reading.shard_paths import find_shards

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
MODELS = [
    "workers.model={kind: openai, base_urls: 'http://127.0.0.1:1/v1', model: m, image_pixels: 78400}",
    "workers.detector={kind: segments}",
]


@pytest.fixture(scope="module")
def planned(demo: Path) -> Any:
    """Return (sample, plans by recipe) of steps over the demo: `planned({recipe: worker})`."""

    def make(steps: dict[str, str]) -> tuple[Sample, dict[str, StepPlan]]:
        listed = ", ".join(f"{{recipe: {recipe}, worker: {worker}}}" for recipe, worker in steps.items())
        shards = f"input.shards={demo}/0000[01].tar"
        config: RunConfig = load_config(str(QUICKSTART), RunConfig, [shards, *MODELS, f"annotate=[{listed}]"])
        found = find_shards(config.input.shards)
        sample = read_sample(found, config, 128, needs_text=True)
        plans = expect_steps(list(checked_steps(config).values()), sample)
        return sample, {plan.name: plan for plan in plans}

    return make


def test_rules_write_and_ask_nobody(planned: Any) -> None:
    sample, plans = planned({"hqclip": "baseline", "laclip": "baseline"})
    for plan in plans.values():
        assert not plan.asks
        assert not plan.looks
        assert plan.seconds > 0
        assert len(plan.written) == len(sample.kept())
        assert all(annotation.reason is None for annotation in plan.written.values())
        assert (plan.text_in.high, plan.image_in.high, plan.out.high) == (0, 0, 0)


def test_segments_take_time_and_no_tokens(planned: Any) -> None:
    sample, plans = planned({"detect": "detector"})
    plan = plans["detect"]
    assert (plan.asks, plan.looks, plan.seconds) == (False, False, SEGMENTS_S)
    assert len(plan.written) == len(sample.kept())
    assert (plan.share.high, plan.text_in.high, plan.image_in.high, plan.out.high) == (0, 0, 0, 0)


def test_a_request_is_its_prompt_and_picture(planned: Any) -> None:
    sample, plans = planned({"hqclip": "model"})
    plan, recipe = plans["hqclip"], get_recipe("hqclip")
    assert plan.looks
    # All of two shards is read, so that the means are known.
    kept = [facts for _, facts in sample.kept()]
    assert sample.known == sample.number
    texts = [text_tokens(recipe.prompt(facts)) for facts in kept]
    assert plan.text_in.value == plan.text_in.low == pytest.approx(sum(texts) / len(kept))
    pixels = [min(facts.width * facts.height, 78400) / 784 for facts in kept]
    assert plan.image_in.value == pytest.approx(sum(pixels) / len(kept))
    instruction = recipe.prompt(Facts(index=0, uid="", key="")).removesuffix('"')
    assert plan.shared == pytest.approx(text_tokens(instruction))


def test_what_is_not_written_yet_has_a_likely_length(planned: Any) -> None:
    _, plans = planned({"fuse": "model", "recaption": "model"})
    assert list(plans) == ["recaption", "fuse"]
    fuse, likely = plans["fuse"], likely_fields(get_recipe("recaption"))
    assert (fuse.unwritten, plans["recaption"].unwritten) == (("recaption",), ())
    assert {tuple(written(facts).items()) for facts in fuse.asked.values()} == {
        (("recaption", likely["recaption"]),)
    }
    assert text_tokens(likely["recaption"]) < fuse.text_in.value - fuse.shared
    assert not fuse.looks


def test_what_is_known_is_not_asked(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.compress.fits", lambda text: len(text) < 50)
    sample, plans = planned({"compress-alt-text": "model"})
    plan, kept = plans["compress-alt-text"], {(h.shard.order, f.index): f for h, f in sample.kept()}
    long = {place for place, facts in kept.items() if len(facts.alt_text.strip()) >= 50}
    assert 0 < len(long) < len(kept)
    assert plan.asked.keys() == long
    assert plan.share.low == plan.share.high == pytest.approx(len(long) / sample.number)
    assert plan.written.keys() == kept.keys()
    assert {plan.written[place].fields["compressed"] for place in kept.keys() - long} == {
        facts.alt_text.strip() for place, facts in kept.items() if place not in long
    }


def test_pictures_go_to_a_recipe_that_needs_them_only(planned: Any) -> None:
    _, plans = planned({"laclip": "model"})
    assert not plans["laclip"].looks
    assert plans["laclip"].image_in.high == 0
