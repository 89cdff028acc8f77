"""How fast a worker is, by a clock that the test holds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lvlm_workers.base import Reply, Request
from lvlm_workers.mock import MockWorker
from pipelines import plan_ask
from pipelines.load_config import load_config
from pipelines.plan_read import read_sample
from pipelines.plan_steps import expect_steps
from schemas.config import RunConfig
from transforms.reading.shard_paths import find_shards
from transforms.steps import plan_steps

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
LOADING_S, BATCH_S, BATCH = 100.0, 2.0, 4


class Loading(MockWorker):
    """Loads a model at the first request, then answers four requests in 2 s."""

    name = "transformers"

    def __init__(self, clock: list[float]) -> None:
        super().__init__(self.reply)
        self.clock = clock

    def reply(self, request: Request) -> Reply:
        self.clock[0] += BATCH_S / BATCH + (LOADING_S if len(self.seen) == 1 else 0.0)
        return Reply(text="", model="m", tokens_in=10, tokens_out=5, seconds=BATCH_S / BATCH)


@pytest.mark.parametrize("number", [8, 1])
def test_loading_a_model_slows_no_request(demo: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    settings = [
        f"input.shards={demo}/0000[01].tar",
        f"workers.model={{kind: transformers, model: m, batch_size: {BATCH}}}",
        "annotate=[{recipe: laclip, worker: model}]",
    ]
    config: RunConfig = load_config(str(QUICKSTART), RunConfig, settings)
    clock = [0.0]
    worker = Loading(clock)
    monkeypatch.setattr("pipelines.plan_steps.make_worker", lambda _: worker)
    monkeypatch.setattr("pipelines.plan_ask.make_worker", lambda _: worker)
    sample = read_sample(find_shards(config.input.shards), config, 128, needs_text=True)
    (plan,) = expect_steps(list(plan_steps(config).values()), sample)
    monkeypatch.setattr("pipelines.plan_ask.time", SimpleNamespace(monotonic=lambda: clock[0]))
    found: Any = plan_ask.ask(plan, sample, config.input, number)
    assert len(worker.seen) == found.replies == number
    assert (found.tokens_in, found.tokens_out) == (10 * number, 5 * number)
    assert (found.in_flight, found.width) == (min(number, BATCH), BATCH)
    rate = BATCH / BATCH_S if number > 1 else 1 / (LOADING_S + BATCH_S / BATCH)
    assert found.rate.value == found.rate.low == pytest.approx(rate)
    assert found.rate.high == pytest.approx(BATCH / BATCH_S)  # each has its share of a batch's time
