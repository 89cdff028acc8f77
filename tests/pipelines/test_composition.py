"""Values of fields of the samples' own JSON, counted by hand."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from transforms import composition
from transforms.composition import value_of


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({}, None),
        ({"a": None}, None),
        ({"a": {"b": 1}}, "(an object)"),
        ({"a": [1]}, "(a list)"),
        ({"a": " \n"}, None),
        ({"a": "x\n y"}, "x y"),
        ({"a": "x" * 300}, "x" * 200),
        ({"a": False}, "false"),
        ({"a": 0}, "0"),
        ({"a": 1.50}, "1.5"),
    ],
)
def test_a_value(record: dict[str, Any], value: str | None) -> None:
    assert value_of(record, "a") == value


@pytest.fixture
def shards(tmp_path: Path) -> str:
    licences = ["by", "by-sa", "by", None, "<b>", "by", "by-sa", "zero"]
    for number, of_shard in enumerate((licences[:4], licences[4:])):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as tar:
            for n, licence in enumerate(of_shard):
                picture = io.BytesIO()
                Image.new("RGB", (32, 32), (40 * n, 99, 10 * number)).save(picture, "PNG")
                told = json.dumps({"meta": {"licence": licence}}).encode()
                for ending, data in (("png", picture.getvalue()), ("json", told), ("txt", b"two words")):
                    member = tarfile.TarInfo(f"{n}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    return f"{tmp_path}/*.tar"


@pytest.mark.parametrize("annotate", [False, True])
def test_published_samples_are_counted(
    curate: Callable[..., Any], shards: str, annotate: bool, tmp_path: Path
) -> None:
    config: dict[str, Any] = {"input": {"shards": shards}, "card": {"composition": ["meta.licence", "none"]}}
    if annotate:
        config |= {"workers": {"r": {"kind": "rules"}}, "annotate": [{"recipe": "laclip", "worker": "r"}]}
    run = curate(config, tmp_path / "out")
    told = json.loads((run.output / "run.json").read_text())["composition"]
    assert list(told["meta.licence"]["values"].items()) == [("by", 3), ("by-sa", 2), ("<b>", 1), ("zero", 1)]
    assert (told["meta.licence"]["others"], told["meta.licence"]["missing"]) == (0, 1)
    assert told["none"] == {"values": {}, "others": 0, "missing": 8}


def test_a_field_of_too_many_values_is_not_told_apart(
    curate: Callable[..., Any], shards: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(composition, "MAX_VALUES", 1)
    run = curate({"input": {"shards": shards}, "card": {"composition": "meta.licence"}}, tmp_path / "out")
    told = json.loads((run.output / "run.json").read_text())["composition"]["meta.licence"]
    assert told == {"values": {}, "others": 7, "missing": 1}
