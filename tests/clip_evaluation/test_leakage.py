"""A planted attribute is found; one that is not there is not."""

import numpy as np
import pytest

from clip_evaluation.leakage import Leakage, leakage


def rows(strength: float) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    attribute = np.arange(120) % 4 == 0  # unbalanced: always "no" is right in 75 %
    embeddings = rng.normal(size=(120, 12))
    embeddings[:, 0] += strength * attribute
    return embeddings, ["yes" if value else "no" for value in attribute]


def read(rows_ND: np.ndarray, attribute: list[str], shuffles: int = 0, **more: np.ndarray) -> Leakage:
    clusters = more.get("clusters", np.arange(len(rows_ND)))
    return leakage(rows_ND, attribute, clusters=clusters, folds=5, shuffles=shuffles, seed=0)


def test_a_planted_attribute() -> None:
    result = read(*rows(6.0), shuffles=6)
    assert result.balanced_accuracy.value > 0.9
    assert result.balanced_accuracy.chance == 0.5
    assert result.p_value == 1 / 7
    assert np.mean(result.shuffled) == pytest.approx(0.5, abs=0.08)
    assert result.values == ("no", "yes")


def test_an_attribute_that_is_not_there() -> None:
    figure = read(*rows(0.0)).balanced_accuracy
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.5 < figure.high


def test_known_clusters_are_no_knowledge_of_the_attribute() -> None:
    # Copies of a row share the attribute: unless they are held out together, the probe knows them by heart.
    rng = np.random.default_rng(2)
    embeddings = np.repeat(rng.normal(size=(30, 40)), 6, axis=0)
    attribute = [str(value) for value in np.repeat(rng.permutation(np.arange(30) % 2), 6)]
    apart = read(embeddings, attribute).balanced_accuracy.value
    together = read(embeddings, attribute, clusters=np.repeat(np.arange(30), 6))
    assert apart == 1
    assert together.balanced_accuracy.value < 0.75


def test_copies_are_shuffled_as_one() -> None:
    # 16 rows of 12 copies each, of which 8 have the attribute: shuffled row by row, the probe could never be
    # as right or as wrong by chance as it is on whole rows.
    rng = np.random.default_rng(3)
    embeddings = np.repeat(rng.normal(size=(16, 4)), 12, axis=0)
    attribute = [str(value) for value in np.repeat(np.arange(16) % 2, 12)]
    together = read(embeddings, attribute, shuffles=12, clusters=np.repeat(np.arange(16), 12))
    apart = read(embeddings, attribute, shuffles=12)
    assert np.std(together.shuffled) > 0.1 > 2 * np.std(apart.shuffled)


def test_errors() -> None:
    with pytest.raises(ValueError, match="the rarest 'b' 2"):
        read(np.eye(8), ["a"] * 6 + ["b"] * 2)
    with pytest.raises(ValueError, match="1 values"):
        read(np.eye(8), ["a"] * 8)
    with pytest.raises(ValueError, match="8 rows have 2"):
        read(np.eye(8), ["a", "b"])
