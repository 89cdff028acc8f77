"""What is a folder, what is a hub id, and what is a mistake; and a library that says nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st
from transformers.utils import logging

from schemas.checkpoint import find_checkpoint, find_device, quiet_transformers
from schemas.errors import ConfigError

NAMES = st.lists(st.sampled_from(["x", "Y", "7", "-", ".", "_", "/", ".git"]), min_size=1, max_size=9).map(
    "".join
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, also HOME, with a checkpoint `run/final`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run" / "final").mkdir(parents=True)
    (tmp_path / "run" / "final" / "config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("path", ["run/final", "./run/final", "run/final/", "run/../run/final"])
def test_a_folder(here: Path, path: str) -> None:
    assert find_checkpoint(path, "f") == path
    assert find_checkpoint("~/run/final", "f") == f"{here}/run/final"


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizers_folder(here: Path, file: str) -> None:
    (here / "words").mkdir()
    (here / "words" / file).write_text("{}")
    assert find_checkpoint("words", "tokenizer.path") == "words"


@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        "openai/clip-vit-base-patch32",
        "google/siglip-base-patch16-224",
        "a/_b.c",
        f"{'o' * 96}/{'n' * 96}",
    ],
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
        ("a\\b", "no hub id"),
        ("a\0b", "no hub id"),
        ("x" * 97, "no hub id"),
        ("org/na\nme", "no hub id"),
        ("/" + "x" * 5000, f"there is no folder '/{'x' * 199}'; give"),
    ],
)
def test_neither(here: Path, path: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.checkpoint: .*{why}") as caught:
        find_checkpoint(path, "model.checkpoint")
    assert "\n" not in str(caught.value)


@given(NAMES)
def test_hub_ids_are_those_of_the_hubs_own_client(name: str) -> None:
    """A name that looks local is the one thing that never gets as far as the hub."""
    try:
        validate_repo_id(name)
        passes = not name.startswith((".", "/"))
    except HFValidationError:
        passes = False
    try:
        found: str | None = find_checkpoint(name, "f")
    except ConfigError:
        found = None
    assert found == (name if passes else None)


@pytest.mark.parametrize(
    ("device", "has_gpu", "wanted"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cuda", True, "cuda"), ("cpu", True, "cpu")],
)
def test_a_device(monkeypatch: pytest.MonkeyPatch, device: str, has_gpu: bool, wanted: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    assert find_device(device) == torch.device(wanted)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="^device 'cuda': torch finds no GPU here; set device to"):
        find_device("cuda")


def test_the_library_is_quiet_and_then_as_it_was() -> None:
    logging.set_verbosity_info()
    logging.enable_progress_bar()
    try:
        with pytest.raises(ZeroDivisionError), quiet_transformers():
            assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.ERROR, False)
            _ = 1 / 0
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.INFO, True)
        logging.disable_progress_bar()
        with quiet_transformers():
            assert not logging.is_progress_bar_enabled()
        assert not logging.is_progress_bar_enabled()
    finally:
        logging.set_verbosity_warning()
        logging.enable_progress_bar()


def test_neither_torch_nor_transformers_is_imported() -> None:
    code = (
        "import sys, schemas.checkpoint as c; c.find_checkpoint('a/b', 'f')\n"
        "print({'torch', 'transformers', 'huggingface_hub'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
