"""`pairwright evaluate` and `compare`: chance beside figures, resumed from the cache, errors of one line."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from clip_evaluation.report import read_results
from contrastive_trainer.model import Clip
from pairwright.cli import main
from tests.tiny_clip import save_clip

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the folders of two random CLIPs."""
    return [str(save_clip(tmp_path_factory.mktemp("clip"), seed)) for seed in (0, 1)]


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """Return a configuration over 3 classes of 12 pictures of noise; its output is `out` beside it."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(12):
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (40, 36, 3), dtype=np.uint8)).save(buffer, "PNG")
            (tmp_path / "data" / name / f"{number:02}.png").write_bytes(buffer.getvalue())
    kinds: list[dict[str, Any]] = [
        {"kind": "zero_shot"},
        {"kind": "calibration", "name": "sure"},
        {"kind": "robustness", "corruptions": ["jpeg"]},
    ]
    for kind in kinds:
        kind["data"] = {"kind": "class_folder", "path": f"{tmp_path}/data"}
    config = {"output": f"{tmp_path}/out", "evaluations": kinds}
    path = tmp_path / "evaluate.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a command; return its exit status and the last of what it said, its one line of error."""

    def run(*argv: object) -> tuple[int, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        (line,) = (line for line in err.splitlines() if line.startswith("pairwright: "))
        assert err.splitlines()[-1] == line
        assert out == ""
        return status, line.removeprefix("pairwright: ")

    return run


Told = Callable[..., tuple[int, str]]


def test_a_run_its_rerun_and_a_comparison(
    clips: list[str], setup: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = setup.parent / "out"
    assert main(["evaluate", clips[0], str(setup)]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    found = read_results(output)
    top1 = found.figures["zero_shot.top1"]
    assert top1.low is not None
    assert top1.high is not None
    assert top1.low <= 1 / 3 <= top1.high
    assert rows["zero_shot.top1"] == [
        "zero_shot.top1", f"{top1.value:.4g}", f"{top1.low:.4g}", "to", f"{top1.high:.4g}", "0.3333", "36",
    ]  # fmt: skip
    assert "robustness.corrupted.jpeg" in rows
    assert "zero_shot                            36 pictures, 3 classes" in err
    assert "from the cache" in err
    files = {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()}
    assert set(files) == {"results.json", "results.md", "items.npz", "sure.svg", "robustness.svg"}
    assert "![sure](sure.svg)" in files["results.md"].decode()
    assert json.loads(files["results.json"])["notes"]["zero_shot"] == {"pictures": 36, "classes": 3}

    monkeypatch.setattr(Clip, "encode_image", None)  # not called again
    monkeypatch.setattr(Clip, "encode_text", None)
    assert main(["evaluate", clips[0], str(setup), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert {path.name: path.read_bytes() for path in output.iterdir() if path.is_file()} == files
    monkeypatch.undo()

    other = setup.parent / "other"
    assert main(["evaluate", clips[1], str(setup), "--out", str(other), "--quiet"]) == 0
    assert main(["compare", str(output), str(other)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"a: {clips[0]}", f"b: {clips[1]}"]
    (row,) = (line.split() for line in lines if line.startswith("zero_shot.top1 "))
    b = read_results(other).figures["zero_shot.top1"]
    assert row[1:4] == [f"{v:.4g}" for v in (top1.value, b.value, b.value - top1.value)]
    assert "to" in row
    (written,) = (
        entry
        for entry in json.loads((other / "comparison.json").read_text())["rows"]
        if entry["name"] == "zero_shot.top1"
    )
    assert written["low"] <= written["difference"] <= written["high"]
    assert (other / "comparison.md").read_text().startswith("# a: ")


def test_an_interrupted_run_goes_on(clips: list[str], setup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["evaluate", clips[0], str(setup), "--quiet"]) == 0
    whole = {path.name: path.read_bytes() for path in (setup.parent / "out").iterdir() if path.is_file()}
    real = Clip.encode_image
    calls: list[int] = []

    def interrupted(self: Clip, batch: Any) -> Any:
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, batch)

    monkeypatch.setattr(Clip, "encode_image", interrupted)
    cut = setup.parent / "cut"
    assert main(["evaluate", clips[0], str(setup), "--out", str(cut), "--quiet"]) == 130
    assert not (cut / "results.json").exists()
    assert main(["evaluate", clips[0], str(setup), "--out", str(cut), "--quiet"]) == 0
    assert sum(calls) == 6 * 36 + 36  # clean and five severities, and the one that was lost
    assert {path.name: path.read_bytes() for path in cut.iterdir() if path.is_file()} == whole


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("evaluations.0.kind=zeroshot", "unknown kind 'zeroshot'; did you mean 'zero_shot'?"),
        ("evaluations.0.data.kind=coco_open", "unknown kind 'coco_open'"),
        ("evaluations.0.data.paht=x", "did you mean 'path'?"),
        ("evaluations.0.templates=[a photo]", "must hold {} once, where the class's name goes"),
        ("evaluations.0.data.path=/nowhere", "evaluation 'zero_shot': /nowhere has 0 class folders"),
        ("evaluations.0.name=sure", "two evaluations are named 'sure'; give each a `name` of its own"),
        ("evaluations.0.name=a.b", "evaluations[0].name: "),
        ("evaluations=[]", "evaluations is empty; add one"),
        ("batch=0", "batch: "),
        ("devise=cpu", "devise: unknown field; did you mean 'device'?"),
        (
            "evaluations.0={kind: subgroups, data: {kind: tar, path: x, label: y}}",
            "data.group is missing",
        ),
        ("evaluations.0={kind: retrieval, data: {kind: published, path: /nowhere}}", "a finished run"),
        ("evaluations.0={kind: retrieval, data: {kind: coco_open, path: /nowhere}}", "no .tar shards"),
        ("evaluations.0={kind: statements, data: {kind: nlvr_scenes, path: /nowhere}}", "no .tar shards"),
        ("evaluations.0={kind: zero_shot, data: {kind: noto_emoji, path: /nowhere}}", "no .tar shards"),
    ],
)
def test_a_configuration_that_is_wrong(
    clips: list[str], setup: Path, told: Told, setting: str, said: str
) -> None:
    status, line = told("evaluate", clips[0], setup, "--set", setting)
    assert (status, said in line) == (2, True), line
    assert not (setup.parent / "out").exists()


def test_what_is_not_there(clips: list[str], setup: Path, told: Told) -> None:
    status, line = told("evaluate", setup.parent / "none", setup)
    assert (status, f"checkpoint: there is no folder '{setup.parent}/none'" in line) == (2, True), line
    status, line = told("evaluate", clips[0], setup.parent / "none.yaml")
    assert (status, "none.yaml: No such file" in line) == (2, True)
    status, line = told("compare", setup.parent, setup.parent)
    assert (status, line) == (2, f"{setup.parent} has no results.json; evaluate first")
    shutil.rmtree(setup.parent / "data" / "cat")
    (setup.parent / "data" / "cat").mkdir()
    status, line = told("evaluate", clips[0], setup)
    assert (status, "data/cat is an empty class" in line) == (2, True)


def test_results_of_another_checkpoint_are_kept(clips: list[str], setup: Path, told: Told) -> None:
    output = setup.parent / "out"
    output.mkdir()
    (output / "results.json").write_text(json.dumps({"checkpoint": "mine"}))
    status, line = told("evaluate", clips[0], setup)
    assert (status, line) == (2, f"output '{output}' holds the results of 'mine'; give another --out")
    status, line = told("evaluate", clips[0], setup, "--out", setup)
    assert (status, line) == (2, f"output '{setup}' is a file; give another --out")


def test_a_picture_that_cannot_be_read_is_named(clips: list[str], setup: Path, told: Told) -> None:
    (setup.parent / "data" / "dog" / "03.png").write_bytes(b"no picture")
    status, line = told("evaluate", clips[0], setup)
    assert status == 1
    assert line == (
        f"evaluation 'zero_shot': {setup.parent}/data/dog/03.png: its picture cannot be decoded "
        "(UnidentifiedImageError); remove it"
    )
    assert not (setup.parent / "out" / "results.json").exists()


def test_without_torch(clips: list[str], setup: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("clip_evaluation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    status, line = told("evaluate", clips[0], setup)
    assert (status, line) == (2, "torch is not installed; pip install 'pairwright[torch]'")


def test_the_example_configuration(
    clips: list[str], shared_data: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped example runs on the shared sets, all but the largest, and on a folder curated here."""
    assert main(["curate", str(small), "--quiet"]) == 0
    text = (ROOT / "configs" / "evaluate.yaml").read_text()
    config = yaml.safe_load(
        text.replace("data/", f"{shared_data}/").replace("demo/output", f"{small.parent}/out")
    )
    config["output"] = str(small.parent / "evaluated")
    emoji = ("emoji", "unlike_emoji", "scenes")
    config["evaluations"] = [one for one in config["evaluations"] if one["name"] not in emoji]
    path = small.parent / "evaluate.yaml"
    path.write_text(yaml.safe_dump(config))
    assert main(["evaluate", clips[0], str(path)]) == 0
    found = read_results(small.parent / "evaluated").figures
    names = (
        "coco.image_to_text.recall.10",
        "published.text_to_image.recall.5",
        "sugar_crepe.model.overall.accuracy_half_ties",
    )
    for name in names:
        low, chance, high = found[name].low, found[name].chance, found[name].high
        assert low is not None
        assert chance is not None
        assert high is not None
        assert low <= chance <= high
    assert found["coco.text_to_image.recall.1"].n == 555
    assert found["published.text_to_image.recall.1"].n == 10
    assert found["sugar_crepe.model.overall.accuracy"].n == 148
