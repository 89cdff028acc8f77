"""`--overfit-one-batch`: what can learn does, what cannot is said."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from contrastive_trainer import overfit as module
from contrastive_trainer.distributed import Ranks
from contrastive_trainer.overfit import STEPS, overfit
from schemas.errors import ConfigError, RunError
from schemas.train import TrainConfig

Make = Callable[..., TrainConfig]


def test_eight_samples_are_learnt_by_heart(tmp_path: Path, configure: Make) -> None:
    said: list[str] = []
    config = configure(
        batch=8, optim={"lr": 1e-2, "warmup": 500}, texts={"p_raw": 0, "p_long": 1}, log_steps=50
    )
    assert overfit(config, say=said.append) < 0.05
    assert [line.split()[1] for line in said[1:-1]] == [f"{step}/{STEPS}" for step in (50, 100, 150, 200)]
    assert said[-1].startswith("one batch is learnt: the contrastive loss went from 2.")
    assert not (tmp_path / "out").exists()


def test_what_does_not_learn_is_said(configure: Make) -> None:
    config = configure(batch=8, optim={"lr": 1e-9}, log_steps=100)
    with pytest.raises(
        RunError, match="one batch of 8 samples is not learnt: the contrastive loss went from 2."
    ):
        overfit(config, say=lambda _: None)


def test_it_is_for_one_process(configure: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "join", lambda _: nullcontext(Ranks(rank=0, count=2)))
    with pytest.raises(ConfigError, match="--overfit-one-batch runs in one process; leave torchrun out"):
        overfit(configure(), say=lambda _: None)
