"""What a newcomer is told, and what not."""

import math
from collections.abc import Callable

import pytest

from contrastive_trainer.alarms import PLATEAU_STEPS, Alarms, chance_loss
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]
CHANCE = math.log(64)


@pytest.mark.parametrize(
    ("kind", "chance"), [("softmax", math.log(20)), ("leave_one_out", math.log(19)), ("sigmoid", None)]
)
def test_chance(configure: Make, kind: str, chance: float | None) -> None:
    config = configure(batch=20, losses={"contrastive": {"kind": kind}})
    assert chance_loss(config) == chance


@pytest.mark.parametrize("loss", [CHANCE * 0.985, CHANCE, CHANCE * 1.5])
def test_a_loss_that_stays_at_chance_or_over_it_is_told_once(loss: float) -> None:
    alarms = Alarms(chance=CHANCE)
    told = [(step, text) for step in range(1, 1000) for text in alarms.look_at_loss(step, loss)]
    assert [step for step, _ in told] == [1 + PLATEAU_STEPS]
    assert "at chance (ln of the batch, 4.16) for 300 steps" in told[0][1]
    assert "--overfit-one-batch" in told[0][1]


def test_a_loss_that_falls_in_between_is_none(configure: Make) -> None:
    alarms = Alarms(chance=CHANCE)
    losses = [CHANCE * (0.9 if step % PLATEAU_STEPS == 0 else 1.0) for step in range(1, 2000)]
    assert [text for step, loss in enumerate(losses, 1) for text in alarms.look_at_loss(step, loss)] == []
    assert [text for step in range(1000) for text in Alarms(chance=None).look_at_loss(step, CHANCE)] == []


def test_waiting_for_data_is_told_once_and_not_of_the_start() -> None:
    alarms = Alarms(chance=None)
    told = [list(alarms.look_at_data(waiting)) for waiting in (0.9, 0.1, 0.31, 0.2, 0.5, 0.45, 0.9, 0.9)]
    assert [len(texts) for texts in told] == [0, 0, 0, 0, 0, 1, 0, 0]
    assert told[5][0].startswith("45% of the time goes into waiting for data: raise data.workers")
