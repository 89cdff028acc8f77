"""The linear probe against scikit-learn and planted classes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from clip_evaluation import linear_probe as module
from clip_evaluation.linear_probe import Split, linear_probe
from clip_evaluation.similarity import unit_rows


def splits(noise: float, classes: int = 4, width: int = 8) -> list[Split]:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(classes, width))
    found = []
    for rows in (160, 80, 200):
        labels = np.concatenate([np.arange(classes), rng.integers(0, classes, size=rows)])
        found.append(
            Split(rows_ND=means[labels] + noise * rng.normal(size=(len(labels), width)), labels_N=labels)
        )
    return found


def test_against_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRID", (1.0, 1e-1, 1e-2))
    train, validation, test = splits(1.0)
    result = linear_probe(train, validation, test, classes=4)
    scaled = [unit_rows(split.rows_ND, "image") * np.sqrt(8) for split in (train, validation, test)]
    chosen = {}
    for l2 in (1.0, 1e-1, 1e-2):
        model = LogisticRegression(C=1 / (l2 * len(scaled[0])), tol=1e-8, max_iter=5000)
        chosen[l2] = model.fit(scaled[0], train.labels_N).score(scaled[1], validation.labels_N)
        assert result.validation[l2].value == pytest.approx(chosen[l2])
    assert result.l2 == max(chosen, key=lambda l2: (chosen[l2], l2))
    both, labels = np.concatenate(scaled[:2]), np.concatenate([train.labels_N, validation.labels_N])
    model = LogisticRegression(C=1 / (result.l2 * len(both)), tol=1e-8, max_iter=5000).fit(both, labels)
    assert result.test.top1.value == pytest.approx(model.score(scaled[2], test.labels_N))
    assert (result.test.top1.chance, result.test.top1.n, result.converged) == (1 / 4, 204, True)


def test_noise_is_at_chance() -> None:
    train, validation, test = splits(1e6)
    figure = linear_probe(train, validation, test, classes=4).test.top1
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.25 < figure.high


def test_errors() -> None:
    train, validation, test = splits(1.0)
    with pytest.raises(ValueError, match="class 4 has no training row"):
        linear_probe(train, validation, test, classes=5)
    narrow = Split(rows_ND=test.rows_ND[:, :3], labels_N=test.labels_N)
    with pytest.raises(ValueError, match="test 3"):
        linear_probe(train, validation, narrow, classes=4)
