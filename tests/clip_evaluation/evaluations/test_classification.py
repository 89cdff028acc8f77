"""Classes by their names: of whole sets, of spoilt pictures and of groups."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluations.registry import prepare
from clip_evaluation.pictures import hash_of
from clip_evaluation.report import read_results, write_results
from schemas.errors import ConfigError, RunError
from tests.clip_evaluation.oracle import NAMES, Oracle, Parse, labelled, measure, png


def test_robustness(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, planted = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    config = {"kind": "robustness", "data": data, "corruptions": ["jpeg", "jpeg", "contrast"]}
    found, made = measure(config, Oracle(planted))
    assert found["clean"].value == 1
    # 5, 4, 3, 2 and 1 of ten are left, the others are right by chance: within four standard errors.
    expected = 0.3 + 0.7 / 3
    spread = 4 * (2 / 9 * 0.7 / 300) ** 0.5
    for name in ("corrupted.jpeg", "corrupted.contrast", "mean_corrupted"):
        assert found[name].value == pytest.approx(expected, abs=spread)
        assert found[name].chance == pytest.approx(1 / 3)
    assert made.plot.count("<polyline") == 3  # and chance


def test_robustness_against_a_reference(class_folder: tuple[Path, dict[bytes, str]], tmp_path: Path) -> None:
    folder, planted = class_folder
    data = {"kind": "class_folder", "path": str(folder)}
    config = {"kind": "robustness", "data": data, "corruptions": ["jpeg", "contrast"]}
    for name, oracle, kinds in (("ref", Oracle(), ["jpeg", "contrast"]), ("less", Oracle(), ["jpeg"])):
        made = prepare("it", Parse(config | {"corruptions": kinds}))
        record = made.measure(cast(Embedder, oracle)).record
        write_results(
            tmp_path / name, checkpoint=name, records={"it": record}, main=[], data={"it": made.data}
        )
    found, _ = measure(config | {"reference": str(tmp_path / "ref")}, Oracle(planted))
    theirs = read_results(tmp_path / "ref").figures
    ratios = [
        (1 - found[name].value) / (1 - theirs[f"it.{name}"].value)
        for name in ("corrupted.jpeg", "corrupted.contrast")
    ]
    assert found["mce"].value == pytest.approx(np.mean(ratios))
    for reference, told in (
        (tmp_path / "less", "less' has no it.corrupted.contrast; evaluate it by this"),
        (tmp_path / "none", "none has no results.json; evaluate first"),
    ):
        with pytest.raises(ConfigError, match=told):
            prepare("it", Parse(config | {"reference": str(reference)}))
    config |= {"reference": str(tmp_path / "ref")}
    with pytest.raises(ConfigError, match="ref': 'other' is not there; evaluate the reference"):
        prepare("other", Parse(config))
    (folder / "cat" / "00.png").write_bytes(png("another"))
    with pytest.raises(ConfigError, match="ref': 'it' was measured on other data"):
        prepare("it", Parse(config))


def test_subgroups(write_tar: Callable[..., Path]) -> None:
    rows = [(f"{n:03}", NAMES[n % 3], "old" if n < 30 else "young") for n in range(60)]
    path = write_tar("tar/0.tar", labelled(rows)).parent
    planted = {hash_of(png(key)): f"a photo of a {label}." for key, label, _ in rows[30:]}
    data = {"kind": "tar", "path": str(path), "label": "label", "group": "person.age"}
    found, made = measure({"kind": "subgroups", "data": data}, Oracle(planted))
    assert found["groups.young"].value == 1
    assert made.record.worst_group == "old"
    old = found["groups.old"]
    assert old.low is not None
    assert old.high is not None
    assert old.low <= 1 / 3 <= old.high
    assert found["gap"].value == pytest.approx(1 - old.value)
    assert made.record.p_value < 0.01


def test_numbered_classes(write_tar: Callable[..., Path]) -> None:
    path = write_tar("tar/0.tar", labelled([(str(n), str(n % 2), "x") for n in range(4)])).parent
    data = {"kind": "tar", "path": str(path), "label": "label", "classes": list(NAMES)}
    assert prepare("it", Parse({"kind": "zero_shot", "data": data})).notes == {"pictures": 4, "classes": 3}
    with pytest.raises(ConfigError, match="'label' is '1', but classes names 0 to 0; mend classes"):
        prepare("it", Parse({"kind": "zero_shot", "data": data | {"classes": ["cat"]}}))
    with pytest.raises(ConfigError, match="has two classes named 'cat'"):
        prepare("it", Parse({"kind": "zero_shot", "data": data | {"classes": ["cat", "cat"]}}))


def test_what_is_left_out_of_a_folder_is_said(class_folder: tuple[Path, dict[bytes, str]]) -> None:
    folder, _ = class_folder
    (folder / "cat" / "notes.txt").write_text("by hand")
    (folder / "dog" / ".DS_Store").write_text("")
    made = prepare("it", Parse({"kind": "zero_shot", "data": {"kind": "class_folder", "path": str(folder)}}))
    assert made.notes == {
        "pictures": 60, "classes": 3, "left_out_hidden_files": 1, "left_out_other_files": 1,
    }  # fmt: skip
    broken = folder / "owl" / "07.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(RunError, match=r"owl/07.png: its picture cannot be decoded \(.*\); remove it$"):
        prepare("it", Parse({"kind": "zero_shot", "data": {"kind": "class_folder", "path": str(folder)}}))
