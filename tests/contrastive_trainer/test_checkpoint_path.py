"""What is a folder, what is a hub id, and what is a mistake."""

from pathlib import Path

import pytest

from contrastive_trainer.checkpoint_path import find_checkpoint
from schemas.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, small_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, also HOME, with a checkpoint `run/final`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run" / "final").mkdir(parents=True)
    for path in small_clip.iterdir():
        (tmp_path / "run" / "final" / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize("path", ["run/final", "./run/final", "run/final/", "run/../run/final"])
def test_a_folder(here: Path, path: str) -> None:
    assert find_checkpoint(path, "f") == path
    assert find_checkpoint("~/run/final", "f") == f"{here}/run/final"


@pytest.mark.parametrize(
    "name", ["gpt2", "openai/clip-vit-base-patch32", "google/siglip-base-patch16-224", "a/_b.c"]
)
def test_a_hub_id(here: Path, name: str) -> None:
    assert find_checkpoint(name, "f") == name


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nowhere", "there is no folder '/nowhere'; give the folder of a checkpoint"),
        ("./run/finla", "there is no folder './run/finla'; give"),
        ("~/finla", "there is no folder '~/finla'; give"),
        ("run/finla", "there is no folder 'run/finla'; give"),
        ("runs/a/final", r"there is no folder 'runs/a/final' \(only .* is there\); give"),
        ("final/", "there is no folder 'final/'"),
        ("..", "holds no checkpoint"),
        ("run", r"'run' is the output of a training; its model is run/final$"),
        ("run/final/config.json", "is a file; give the folder"),
        ("", "'' is no folder and no hub id"),
        ("my model", "'my model' is no folder and no hub id"),
        ("a--b/c", "no hub id"),
        ("https:", "no hub id"),
        ("x" * 97, "no hub id"),
        ("org/na\nme", "no hub id"),
    ],
)
def test_neither(here: Path, path: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.checkpoint: .*{why}") as caught:
        find_checkpoint(path, "model.checkpoint")
    assert "\n" not in str(caught.value)
