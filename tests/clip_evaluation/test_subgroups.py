"""Planted gaps are found, and gaps of chance are known for what they are."""

import numpy as np
import pytest

from clip_evaluation.compare import compare
from clip_evaluation.figure import figures
from clip_evaluation.intervals import wilson
from clip_evaluation.subgroups import subgroups


def test_by_hand() -> None:
    correct = np.array([True] * 18 + [False] * 2 + [True] * 10 + [False] * 10 + [False] * 3)
    result = subgroups(correct, ["a"] * 20 + ["b"] * 20 + ["c"] * 3, chance=0.1)
    assert {name: figure.value for name, figure in result.groups.items()} == {"a": 0.9, "b": 0.5, "c": 0}
    assert (result.groups["a"].low, result.groups["a"].high) == wilson(0.9, 20)
    assert (result.worst_group, result.worst.value, result.left_out) == ("b", 0.5, {"c": 3})
    assert result.gap.value == pytest.approx(0.4)
    # Fisher's exact test of 18/20 against 10/20: 0.01392 (R, fisher.test).
    assert result.p_value == pytest.approx(0.0139, abs=0.006)


def test_the_gap_of_equal_groups_is_chance() -> None:
    rng = np.random.default_rng(0)
    gaps, chances, small = [], [], 0
    groups = [name for name in "abcdef" for _ in range(15)]
    for seed in range(60):
        result = subgroups(rng.random(90) < 0.6, groups, chance=None, seed=seed)
        gaps.append(result.gap.value)
        chances.append(result.gap.chance)
        small += result.p_value < 0.1
    assert np.mean(gaps) == pytest.approx(np.mean([c for c in chances if c is not None]), abs=0.03)
    assert np.mean(gaps) > 0.25  # though nothing differs
    assert small <= 13


def test_the_interval_covers_a_planted_gap() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        correct = np.concatenate([rng.random(200) < 0.9, rng.random(200) < 0.7])
        gap = subgroups(correct, ["a"] * 200 + ["b"] * 200, chance=None, seed=seed).gap
        assert gap.low is not None
        assert gap.high is not None
        covered += gap.low <= 0.2 <= gap.high
    assert 90 <= covered <= 100


def test_errors() -> None:
    with pytest.raises(ValueError, match="a gap needs two"):
        subgroups(np.ones(10, dtype=bool), ["a"] * 10, chance=None)
    with pytest.raises(ValueError, match="bool"):
        subgroups(np.ones(2), ["a", "b"], chance=None)  # type: ignore[arg-type]


def test_the_worst_groups_of_two_models_are_not_paired() -> None:
    groups = ["a"] * 20 + ["b"] * 20
    one, other = (subgroups(np.arange(40) < 20, groups, chance=None) for groups in (groups, groups[::-1]))
    assert (one.worst_group, other.worst_group) == ("b", "a")
    row = next(row for row in compare(dict(figures(one)), dict(figures(other))).rows if row.name == "worst")
    assert (row.difference, row.low, row.high, row.p_value) == (0, None, None, None)
