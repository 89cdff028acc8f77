import json
import math

import numpy as np
import pytest

from transforms.selecting.quality_direction import (
    QualityDirection,
    direction_json,
    fit_direction,
    nearest_words,
    read_direction,
    score_quality,
    sum_units,
)

RNG = np.random.default_rng(0)


def test_by_hand() -> None:
    good = np.array([[2.0, 0.0], [0.0, 5.0]])  # mean direction (1, 1) / sqrt 2
    bad = np.array([[7.0, 0.0]])
    found = fit_direction(sum_units(good), sum_units(bad))
    half = math.sqrt(0.5)
    expected = np.array([half - 1, half]) / math.hypot(half - 1, half)
    np.testing.assert_allclose(found.direction, expected, rtol=1e-12)
    assert (found.good, found.bad) == (2, 1)
    np.testing.assert_allclose(score_quality(found, np.array([[0.0, 3.0]])), expected[1:], rtol=1e-12)


def test_sums_of_parts_add_up_and_what_is_no_embedding_is_left_out() -> None:
    images = RNG.normal(size=(10, 4))
    parts = [sum_units(images[:3]), sum_units(images[3:])]
    whole, number = sum_units(np.vstack([images, np.full((1, 4), np.nan), np.zeros((1, 4))]))
    np.testing.assert_allclose(whole, parts[0][0] + parts[1][0], rtol=1e-12)
    assert number == 10
    direction = fit_direction((whole, number), sum_units(-images[:1]))
    assert np.isnan(score_quality(direction, np.array([[np.inf, 0, 0, 0], [0, 0, 0, 0]]))).all()


def test_finds_a_planted_direction() -> None:
    planted = np.eye(16)[3]
    content = RNG.normal(size=(400, 16)) * 0.5 + 1
    is_good = RNG.integers(0, 2, 400).astype(bool)
    images = content + np.where(is_good, 1.0, -1.0)[:, None] * planted
    found = fit_direction(sum_units(images[:200][is_good[:200]]), sum_units(images[:200][~is_good[:200]]))
    scores = score_quality(found, images[200:])
    higher = scores[is_good[200:]][:, None] > scores[~is_good[200:]][None]
    assert higher.mean() > 0.95
    words = ["sharp", "blurry", *(f"word{n}" for n in range(50))]
    embeddings = RNG.normal(size=(52, 16)) * 0.2 + 5
    embeddings[0] += 3 * planted
    embeddings[1] -= 3 * planted
    good, bad = nearest_words(found, embeddings, words, 3)
    assert (good[0][0], bad[0][0], len(good)) == ("sharp", "blurry", 3)
    assert good[0][1] > 0.8 > 0 > bad[0][1]


def test_is_read_as_it_was_written() -> None:
    made = fit_direction(sum_units(RNG.normal(size=(5, 8))), sum_units(RNG.normal(size=(4, 8))))
    again = read_direction(direction_json(made))
    assert np.array_equal(again.direction, made.direction)
    assert (again.good, again.bad) == (5, 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"direction": [1]}',
        '{"direction": "x", "good": 1, "bad": 1}',
        "[" * 100_000,
        json.dumps({"direction": [3.0, 4.0], "good": 1, "bad": 1}),
        json.dumps({"direction": [[1.0]], "good": 1, "bad": 1}),
        '{"direction": [NaN, 1], "good": 1, "bad": 1}',
    ],
)
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quality direction"):
        read_direction(text)


def test_there_must_be_a_difference() -> None:
    some = sum_units(np.eye(2))
    with pytest.raises(ValueError, match="no bad pictures"):
        fit_direction(some, sum_units(np.empty((0, 2))))
    with pytest.raises(ValueError, match="the same mean"):
        fit_direction(some, sum_units(np.eye(2) * 3))
    unit = QualityDirection(direction=np.array([1.0, 0.0]), good=1, bad=1)
    with pytest.raises(ValueError, match="1 words have 2 embeddings"):
        nearest_words(unit, np.eye(2), ["a"], 1)
