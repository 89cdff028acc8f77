"""What is fitted to embeddings, and what has too few pictures to fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clip_evaluation.evaluations.registry import prepare
from tests.clip_evaluation.oracle import Oracle, Parse, measure, png


def test_leakage(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, planted = class_folder
    config = {
        "kind": "leakage",
        "folds": 2,
        "shuffles": 4,
        "data": {"kind": "class_folder", "path": str(folder)},
    }
    found, made = measure(config, Oracle(planted))
    assert found["balanced_accuracy"].value == 1
    assert found["balanced_accuracy"].chance == pytest.approx(1 / 3)
    assert made.record.p_value == 1 / 5
    assert np.mean(made.record.shuffled) == pytest.approx(1 / 3, abs=0.15)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"kind": "linear_probe", "folds": 61}, "60 clusters cannot be cut into 61 folds"),
        ({"kind": "gda", "folds": 3}, None),
        ({"kind": "leakage", "folds": 21}, "the rarest of 20 pictures"),
    ],
)
def test_too_few(class_folder: tuple[Path, dict[bytes, str]], config: dict[str, Any], told: str) -> None:
    config = config | {"data": {"kind": "class_folder", "path": str(class_folder[0])}}
    if told is None:
        assert prepare("it", Parse(config)).notes["train"] == 20
        return
    with pytest.raises(ValueError, match=told):
        prepare("it", Parse(config))


@pytest.mark.parametrize("kind", ["linear_probe", "gda"])
def test_classes_of_one_picture_cannot_be_fitted(tmp_path: Path, kind: str) -> None:
    for number in range(8):
        (tmp_path / f"class{number}").mkdir()
        (tmp_path / f"class{number}" / "0.png").write_bytes(png(str(number)))
    told = (
        r"class 'class\d' has 1 different picture\(s\), none of them left to fit \(4 of 8 classes are so\); "
        "give each class three or more, remove such classes, or measure them by zero_shot"
    )
    with pytest.raises(ValueError, match=told):
        prepare(
            "it", Parse({"kind": kind, "folds": 4, "data": {"kind": "class_folder", "path": str(tmp_path)}})
        )
