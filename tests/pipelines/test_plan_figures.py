"""Tokens, money and hours against sums worked by hand."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.plan_ask import Asked
from pipelines.plan_figures import AGAIN, DETECTION_S, TOKENS_A_SECOND, step_figures
from pipelines.plan_interval import Estimate
from pipelines.plan_steps import StepPlan, shared_tokens
from recipes.detect import Detect
from recipes.hqclip import HqClip
from schemas.workers import OpenAIWorkerConfig, Owlv2WorkerConfig
from transforms.steps import Step

KEPT = Estimate(value=1000, low=800, high=1100)
EVERY = Estimate.exact(1)


def planned(share: Estimate = EVERY, unwritten: tuple[str, ...] = (), **settings: Any) -> StepPlan:
    worker = OpenAIWorkerConfig(
        kind="openai", base_urls=("http://127.0.0.1:1/v1",), model="m", price_in=2, price_out=6, **settings
    )
    return StepPlan(
        step=Step(recipe=HqClip(), worker=worker),
        looks=True,
        asked={},
        written={},
        share=share,
        unwritten=unwritten,
        text_in=Estimate.exact(100),
        image_in=Estimate.exact(50),
        shared=80,
        out=Estimate(value=20, low=10, high=40),
    )


def measured(**values: Any) -> Asked:
    usual: dict[str, Any] = {
        "replies": 64,
        "refused_by_server": 0,
        "tokens_a_request": Estimate.exact(300),
        "out": Estimate.exact(30),
        "again": Estimate.exact(0.1),
        "reasons": {},
        "rate": Estimate(value=10, low=10, high=20),
        "in_flight": 64,
        "width": 64,
        "tokens_in": 64 * 300,
        "tokens_out": 64 * 30,
    }
    return Asked(**usual | values)


def bounds(found: Estimate) -> tuple[float, float, float]:
    return found.low, found.value, found.high


def test_what_was_measured_by_hand() -> None:
    found = step_figures(planned(), measured(), Estimate.exact(1000))
    assert bounds(found.requests) == pytest.approx((1100, 1100, 1100))
    assert bounds(found.tokens_in) == pytest.approx((330_000,) * 3)
    assert bounds(found.tokens_out) == pytest.approx((33_000,) * 3)
    assert bounds(found.cost) == pytest.approx((0.66 + 0.198,) * 3)
    assert bounds(found.hours) == pytest.approx((55 / 3600, 110 / 3600, 110 / 3600))
    assert found.limit == ""


def test_a_detector_writes_no_tokens() -> None:
    owl = Owlv2WorkerConfig(kind="owlv2", model="m", device="cuda")
    step = replace(planned(), step=Step(recipe=Detect(), worker=owl))
    found = step_figures(step, None, Estimate.exact(1000))
    assert [bounds(one) for one in (found.tokens_in, found.tokens_out, found.cost)] == [(0, 0, 0)] * 3
    assert found.hours.value == pytest.approx(1000 * DETECTION_S.value / 3600)
    found = step_figures(step, measured(), Estimate.exact(1000))
    assert found.hours.value == pytest.approx(100 / 3600)
    assert found.tokens_in.high == 0


def test_bounds_of_the_samples_go_on_to_the_cost() -> None:
    found = step_figures(planned(), measured(again=Estimate.exact(0)), KEPT)
    assert bounds(found.requests) == pytest.approx((800, 1000, 1100))
    assert bounds(found.cost) == pytest.approx((0.8 * 0.78, 0.78, 1.1 * 0.78))


def test_what_is_known_is_not_asked() -> None:
    found = step_figures(planned(share=Estimate.exact(0.25)), measured(), Estimate.exact(1000))
    assert bounds(found.requests) == pytest.approx((275, 275, 275))
    assert found.cost.value == pytest.approx((0.66 + 0.198) / 4)
    assert found.hours.value == pytest.approx(27.5 / 3600)


def test_replies_about_texts_that_stand_in_tell_nothing_of_errors() -> None:
    step = planned(unwritten=("recaption",))
    found = step_figures(step, measured(again=Estimate.exact(1)), Estimate.exact(1000))
    assert found.again == AGAIN
    assert found.tokens_out.value == pytest.approx(1050 * 30)


def test_guesses_by_hand() -> None:
    found = step_figures(planned(in_flight=10), None, Estimate.exact(1000))
    assert found.again == AGAIN
    assert found.requests.value == pytest.approx(1050)
    assert found.tokens_in.value == pytest.approx(1050 * 150)
    assert found.tokens_out.value == pytest.approx(1050 * 20)
    assert found.cost.value == pytest.approx((1050 * 150 * 2 + 1050 * 20 * 6) / 1e6)
    assert found.hours.value == pytest.approx(1050 * 20 / TOKENS_A_SECOND.value / 10 / 3600)
    assert found.hours.high > 3 * found.hours.value


@pytest.mark.parametrize(
    ("limit", "hours"),
    [({"requests_per_minute": 11}, 1100 / 11 / 60), ({"tokens_per_minute": 36_300}, 363_000 / 36_300 / 60)],
)
def test_limits_a_minute_slow_a_run_down(limit: dict[str, float], hours: float) -> None:
    found = step_figures(planned(**limit), measured(), Estimate.exact(1000))
    assert found.hours.value == pytest.approx(hours)
    assert found.limit == next(iter(limit))
    assert step_figures(planned(requests_per_minute=10**9), measured(), KEPT).limit == ""


def test_a_server_that_counts_no_tokens_leaves_the_guess() -> None:
    found = step_figures(planned(), measured(tokens_in=0, tokens_out=0), Estimate.exact(1000))
    assert found.tokens_in.value == pytest.approx(1100 * 150)
    assert found.out == planned().out


@pytest.mark.parametrize(
    ("prompts", "tokens"),
    [(["abcdefgh 1", "abcdefgh 2", "abcdefgh 11"], 9 / 4), (["same", "same"], 1.0), (["x"], 0.0), ([], 0.0)],
)
def test_what_prompts_share(prompts: list[str], tokens: float) -> None:
    assert shared_tokens(prompts) == tokens
