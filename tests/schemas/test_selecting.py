"""What a configuration may say of duplicates in meaning, and of balancing."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.selecting import BalanceConfig, SemanticConfig


def test_defaults_are_the_papers() -> None:
    semantic = SemanticConfig()
    assert (semantic.clusters, semantic.max_cosine, semantic.keep) == (None, 0.95, "far")
    balance = BalanceConfig()
    assert (balance.t, balance.over, balance.unmatched) == (20_000, "short_positive", "drop")


@pytest.mark.parametrize(
    "wrong",
    [{"max_cosine": 1}, {"max_cosine": 0}, {"max_cosine": float("nan")}, {"clusters": 0}, {"keep": "middle"},
     {"clusters": 65_537}, {"iterations": 0}, {"seed": -1}, {"epsilon": 0.05}],
)  # fmt: skip
def test_semantic_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SemanticConfig.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"t": 0}, {"over": "caption"}, {"unmatched": "fail"}, {"seed": -1}])
def test_balance_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BalanceConfig.model_validate(wrong)
