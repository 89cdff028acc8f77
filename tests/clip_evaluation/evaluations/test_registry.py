"""Every evaluation: a planted oracle is right, a blind one is at chance, and data are told apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clip_evaluation.evaluations.registry import prepare
from tests.clip_evaluation.oracle import Oracle, Parse, coco, measure, png

KINDS: list[tuple[dict[str, Any], dict[str, float], dict[str, float]]] = [
    ({"kind": "zero_shot"}, {"top1": 1, "mean_per_class": 1}, {"top1": 1 / 3}),
    ({"kind": "linear_probe"}, {"test.top1": 1}, {"test.top1": 1 / 3}),
    (
        {"kind": "gda"},
        {"joined.top1": 1, "alone.top1": 1, "zero_shot.top1": 1},
        {"alone.top1": 1 / 3, "zero_shot.top1": 1 / 3},
    ),
    ({"kind": "calibration"}, {"before.accuracy": 1, "before.ece": 0}, {"before.accuracy": 1 / 3}),
]


@pytest.mark.parametrize(("config", "right", "blind"), KINDS)
def test_classes(
    class_folder: tuple[Path, dict[bytes, str]],
    config: dict[str, Any],
    right: dict[str, float],
    blind: dict[str, float],
) -> None:
    folder, planted = class_folder
    config |= {"data": {"kind": "class_folder", "path": str(folder)}}
    seeing, _ = measure(config, Oracle(planted))
    guessing, made = measure(config, Oracle())
    assert {name: seeing[name].value for name in right} == pytest.approx(right, abs=1e-6)
    for name, chance in blind.items():
        low, high = guessing[name].low, guessing[name].high
        assert low is not None
        assert high is not None
        assert low <= chance <= high
        assert guessing[name].chance == pytest.approx(chance)
    assert (made.plot is not None) == (config["kind"] == "calibration")


def test_every_figure_has_an_interval_and_chance(
    class_folder: tuple[Path, dict[bytes, str]], write_tar: Callable[..., Path]
) -> None:
    """But for those of which docs/evaluation.md says why there is none."""
    data = {"kind": "class_folder", "path": str(class_folder[0])}
    coco_path = str(write_tar("coco/0.tar", coco({n: [f"text {n}"] for n in range(12)})).parent)
    kinds: list[dict[str, Any]] = [
        {"kind": kind, "data": data} for kind in ("zero_shot", "calibration", "linear_probe", "gda")
    ]
    kinds += [
        {"kind": "robustness", "data": data, "corruptions": ["jpeg"]},
        {"kind": "leakage", "data": data, "folds": 2, "shuffles": 1},
        {"kind": "retrieval", "data": {"kind": "coco_open", "path": coco_path}},
    ]
    without = set()
    for config in kinds:
        found, _ = measure(config, Oracle())
        for name, figure in found.items():
            if figure.chance is None or figure.low is None or figure.high is None:
                without.add(name.rpartition(".")[2])
            else:
                assert figure.low <= figure.value <= figure.high, name
    assert without == {"ece", "ece_adaptive", "ece_floor", "ece_adaptive_floor"}


def data_of(config: dict[str, Any]) -> str:
    return prepare("it", Parse(config)).data


def test_the_fingerprint_follows_the_items(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, _ = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    zero_shot = {"kind": "zero_shot", "data": data}
    probe = {"kind": "linear_probe", "data": data}
    before = [data_of(zero_shot), data_of(probe), data_of(probe | {"seed": 1})]
    assert len(set(before)) == 3
    assert data_of(zero_shot | {"templates": "an image of {}"}) == before[0]
    folder.rename(folder.with_name("moved"))
    data["path"] = str(folder.with_name("moved"))
    assert [data_of(zero_shot), data_of(probe), data_of(probe | {"seed": 1})] == before
    (folder.with_name("moved") / "cat" / "00.png").write_bytes(png("other"))
    assert data_of(zero_shot) != before[0]
