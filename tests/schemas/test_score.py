"""What decides the scores is in a configuration's identity, and nothing else."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.score import ClipConfig, hash_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "final"
    made.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"):
        (made / name).write_text(name)
    return made


def identity(checkpoint: Path | str, **settings: Any) -> dict[str, str]:
    return ClipConfig(checkpoint=str(checkpoint), **settings).identity()


def test_the_hash_is_that_of_the_files(folder: Path) -> None:
    lines = "".join(
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in sorted(folder.iterdir())
    )
    assert hash_folder(str(folder)) == hashlib.sha256(lines.encode()).hexdigest()
    assert identity(folder)["sha256"] == hash_folder(str(folder))


def test_a_folder_is_what_is_in_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(folder)
    shutil.copytree(folder, tmp_path / "elsewhere" / "final")
    assert identity(tmp_path / "elsewhere" / "final") == before
    monkeypatch.chdir(tmp_path)
    assert identity("final/") == identity("./final") == before
    (folder / "README.md").write_text("notes")
    assert identity(folder, revision="ignored") == before


def test_a_folder_is_named_by_its_last_two_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ClipConfig(checkpoint=str(folder)).name == f"{folder.parent.name}/final"
    monkeypatch.chdir(folder)
    assert ClipConfig(checkpoint=".").name == f"{folder.parent.name}/final"
    assert ClipConfig(checkpoint="openai/clip-vit-base-patch32").name == "openai/clip-vit-base-patch32"
    monkeypatch.setenv("HOME", str(folder.parent))
    assert ClipConfig(checkpoint="~/final").name == "final"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "merges.txt"])
def test_a_changed_file_scores_again(folder: Path, name: str) -> None:
    before = identity(folder)
    (folder / name).write_text("other")
    assert identity(folder) != before


def test_a_hub_id_counts_by_name_and_revision() -> None:
    found = identity("openai/clip-vit-base-patch32", revision="abc")
    assert (found["checkpoint"], found["revision"]) == ("openai/clip-vit-base-patch32", "abc")
    assert found["sha256"] == ""
    assert identity("openai/clip-vit-base-patch32") != found


@pytest.mark.parametrize(
    ("settings", "decides"),
    [
        ({"average_flipped": True}, True),
        ({"strip_digits": True}, True),
        ({"dtype": "bfloat16"}, True),
        ({"batch_size": 3}, False),
        ({"device": "cuda"}, False),
        ({"gpu": "nvidia-h100-80gb"}, False),
    ],
)
def test_options_that_decide(settings: dict[str, Any], decides: bool) -> None:
    assert (identity("a/b", **settings) != identity("a/b")) is decides


@pytest.mark.parametrize(
    "settings", [{"checkpoint": ""}, {"batch_size": 0}, {"dtype": "int8"}, {"modell": "x"}, {"gpu": "A 100"}]
)
def test_settings_that_are_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClipConfig.model_validate({"checkpoint": "a/b"} | settings)
