"""Strict inequality, ties and types, worked by hand."""

import numpy as np
import pytest

from clip_evaluation.compositional import mean_picture, pair_similarities, score_pairs

TYPES = ["swap_att", "swap_att", "swap_obj", "add_att", "add_att", "add_att"]
GROUPS = {"swap_att": "swap", "swap_obj": "swap", "add_att": "add"}


def test_by_hand() -> None:
    positive = np.array([1.0, 2.0, 3.0, 1.0, 1.0, 5.0])
    negative = np.array([0.0, 2.0, 4.0, 0.0, 0.0, 5.0])
    result = score_pairs(positive, negative, TYPES, groups=GROUPS)
    assert result.overall.accuracy.value == pytest.approx(3 / 6)
    assert result.overall.ties.value == pytest.approx(2 / 6)
    assert result.overall.accuracy_half_ties.value == pytest.approx(4 / 6)
    by_type = {name: scores.accuracy.value for name, scores in result.types.items()}
    assert by_type == pytest.approx({"add_att": 2 / 3, "swap_att": 1 / 2, "swap_obj": 0})
    assert result.macro.value == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert {name: f.value for name, f in result.groups.items()} == pytest.approx(
        {"add": 2 / 3, "swap": 1 / 4}
    )
    assert result.overall.accuracy.chance == 0.5


def test_a_model_that_overlooks_the_change_gets_nothing() -> None:
    # Word order alone differs, and the tower ignores it: argmax would give 0 or 100 %.
    text = np.random.default_rng(0).normal(size=(6, 4))
    scores = pair_similarities(np.ones((6, 4)), text, text.copy())
    result = score_pairs(*scores, TYPES)
    assert (result.overall.accuracy.value, result.overall.ties.value) == (0, 1)
    assert result.overall.accuracy_half_ties.value == 0.5


def test_similarities_are_cosines() -> None:
    image = np.array([[2.0, 0.0], [0.0, 3.0]])
    positive, negative = pair_similarities(
        image, np.array([[1.0, 1.0], [0.0, 9.0]]), np.array([[0.0, 1.0]] * 2)
    )
    np.testing.assert_allclose(positive, [np.sqrt(0.5), 1], rtol=1e-6)
    np.testing.assert_allclose(negative, [0, 1], atol=1e-7)


def test_the_mean_picture_sees_nothing() -> None:
    blind = mean_picture(np.array([[1.0, 0.0], [0.0, 2.0]]))
    np.testing.assert_allclose(blind, np.full((2, 2), np.sqrt(0.5)), rtol=1e-6)


def test_items_of_one_picture_are_one_unit() -> None:
    wins = np.repeat([1.0, 0.0, 1.0, 1.0], 25)
    types = ["add_att"] * 100
    alone = score_pairs(wins, np.full(100, 0.5), types).overall.accuracy
    together = score_pairs(
        wins, np.full(100, 0.5), types, clusters=np.repeat(np.arange(4), 25)
    ).overall.accuracy
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low
    assert together.value == alone.value == 0.75


def test_the_interval_of_the_mean_over_types() -> None:
    # Three types of unlike sizes and rates over the same 40 pictures, which agree with themselves.
    rng = np.random.default_rng(4)
    sizes, rates = (40, 80, 160), np.array([0.3, 0.6, 0.9])
    types = [name for name, size in zip("abc", sizes, strict=True) for _ in range(size)]
    clusters = np.concatenate([np.arange(size) % 40 for size in sizes])
    covered = grouped = 0
    for _ in range(200):
        level = rng.random(40)
        wins = level[clusters] < np.repeat(rates, sizes)
        result = score_pairs(
            wins * 1.0, np.full(280, 0.5), types, groups={"a": "x", "b": "y", "c": "y"}, clusters=clusters
        )
        for figure, truth in ((result.macro, 0.6), (result.groups["y"], 0.75)):
            assert figure.low is not None
            assert figure.high is not None
            held = figure.low <= truth <= figure.high
            covered, grouped = (covered + held, grouped) if truth == 0.6 else (covered, grouped + held)
    assert covered >= 184
    assert grouped >= 184


def test_errors() -> None:
    one = np.ones(6)
    with pytest.raises(ValueError, match="one length"):
        score_pairs(one, one[:5], TYPES)
    with pytest.raises(ValueError, match="positive score 2 is NaN"):
        score_pairs(np.array([1, 1, np.nan, 1, 1, 1]), one, TYPES)
    with pytest.raises(ValueError, match="'swap_att' has no group"):
        score_pairs(one, one, TYPES, groups={"add_att": "add", "swap_obj": "swap"})
