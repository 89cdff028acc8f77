"""Planted gaps are found, and gaps of chance are known for what they are."""

import numpy as np
import pytest

from clip_evaluation.compare import compare
from clip_evaluation.figure import figures
from clip_evaluation.intervals import wilson
from clip_evaluation.subgroups import range_quantile, subgroups


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
    for _ in range(60):
        result = subgroups(rng.random(90) < 0.6, groups, chance=None)
        gaps.append(result.gap.value)
        chances.append(result.gap.chance)
        small += result.p_value < 0.1
    assert np.mean(gaps) == pytest.approx(np.mean([c for c in chances if c is not None]), abs=0.03)
    assert np.mean(gaps) > 0.25  # though nothing differs
    assert small <= 13


@pytest.mark.parametrize(
    ("rates", "size"),
    [
        ((0.9, 0.7), 200),
        ((0.6,) * 12, 40),  # nothing differs: the worst is worst by luck, and the gap is none
        ((0.9, 0.9, 0.9, 0.9, 0.6), 30),
        ((0.95, 0.8, 0.5, 0.4), 15),
    ],
)
def test_intervals_cover_the_least_accuracy_and_the_largest_gap(rates: tuple[float, ...], size: int) -> None:
    rng = np.random.default_rng(1)
    names = [name for name in "abcdefghijkl"[: len(rates)] for _ in range(size)]
    worst = gap = naive = 0
    for _ in range(150):
        result = subgroups(rng.random(len(names)) < np.repeat(rates, size), names, chance=None)
        found = result.worst, result.gap, result.groups[result.worst_group]
        (low, high), (least, most), own = ((f.low or 0.0, f.high or 0.0) for f in found)
        assert low <= result.worst.value <= high
        assert least <= result.gap.value <= most
        worst += low <= min(rates) <= high
        gap += least <= max(rates) - min(rates) + 1e-12 and max(rates) - min(rates) <= most
        naive += own[0] <= min(rates) <= own[1]
    assert worst >= 0.93 * 150
    assert gap >= 0.93 * 150
    if len(rates) == 12:
        assert naive < 0.8 * 150  # the group's own interval, looked at after the choice


def test_the_quantile_of_the_range_is_tukeys() -> None:
    # Studentised range, infinite degrees of freedom, 5 %: 2.772, 3.633, 4.474 (R, qtukey).
    assert [range_quantile(groups) for groups in (2, 4, 10)] == pytest.approx([2.772, 3.633, 4.474], rel=0.01)


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
