"""Checkpoints: folders written whole or not at all; the newest is found again, and checked.

A checkpoint `step-NNNNNNNN` holds a model and tokenizer as transformers loads them, what else the learner
needs (see `contrastive_trainer.learner`), and `progress.json`. A folder whose name starts with `.half-` was
being written when the run was killed; nobody reads it, and the next checkpoint removes it.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from contrastive_trainer.settings import Settings, differences
from schemas.errors import ConfigError, RunError

FINAL = "final"
"""Folder of the finished model."""

PROGRESS = "progress.json"
_NAME = re.compile(r"step-(\d{8,})")
HALF = ".half-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. The data position follows from `step`, and so does every random draw."""

    step: int
    skipped: int  # samples that could not be read and were replaced
    settings: Settings  # that decide the weights


def write_whole(folder: Path, fill: Callable[[Path], object]) -> None:
    """Fill a folder under another name, bring it to the disk, and only then give it its name.

    Raises:
        RunError: it cannot be written; what was there before still is.
    """
    half = folder.with_name(HALF + folder.name)
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        fill(half)
        mode = half.stat().st_mode & 0o666  # safetensors are written for the owner alone
        for path in half.iterdir():
            path.chmod(mode)
            _sync(path)
        _sync(half)
        if folder.exists():
            shutil.rmtree(folder)
        os.rename(half, folder)
        _sync(folder.parent)
    except (OSError, SafetensorError, RuntimeError) as error:  # torch.save raises the last
        shutil.rmtree(half, ignore_errors=True)
        raise RunError(
            f"{folder} cannot be written ({_line(error)}); free some space and run the same command again"
        ) from error


def save_checkpoint(output: Path, progress: Progress, fill: Callable[[Path], object]) -> Path:
    """Write the checkpoint of a step; `fill` writes all but `progress.json`. Return it."""
    final = output / f"step-{progress.step:08d}"

    def fill_all(half: Path) -> None:
        fill(half)
        sizes = {path.name: path.stat().st_size for path in sorted(half.iterdir())}
        told = asdict(progress) | {"files": sizes}
        (half / PROGRESS).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    write_whole(final, fill_all)
    return final


def checkpoints(output: Path) -> list[Path]:
    """Return the checkpoints of a run, the newest last."""
    found = [path for path in output.glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def keep_newest(output: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and what was half written."""
    for path in [*checkpoints(output)[:-count], *output.glob(f"{HALF}*")]:
        shutil.rmtree(path)


def read_progress(path: Path, settings: Settings) -> Progress:
    """Return how far a checkpoint is.

    Raises:
        ConfigError: it is of other settings, each of which is named, or damaged.
    """
    try:
        told = json.loads((path / PROGRESS).read_text(encoding="utf-8"))
        sizes = dict(told.pop("files"))
        progress = Progress(**told)
        for name, size in sizes.items():
            found = (path / name).stat().st_size
            if found != size:
                raise ValueError(f"{name} has {found} bytes, not {size}")
        changed = list(differences(progress.settings, settings))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path, error) from error
    if changed:
        raise ConfigError(
            f"{path} was trained with other settings ({'; '.join(changed)}): set them back, or give another "
            f"--out; to go on from its weights there, set model to {{checkpoint: {path}}}"
        )
    return progress


def load_tensors(path: Path, name: str) -> dict[str, Tensor]:
    """Return the tensors saved under a name; none where none were.

    Raises:
        ConfigError: the file is damaged.
    """
    file = path / f"{name}.safetensors"
    try:
        return dict(load_file(file)) if file.exists() else {}
    except (OSError, SafetensorError) as error:
        raise damaged(path, error) from error


def load_state(path: Path, name: str) -> dict[str, Any]:
    """Return what `torch.save` wrote under a name; nothing in the file is ever executed.

    Raises:
        ConfigError: the file is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path / name, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever the unpickler and the zip reader raise
        raise damaged(path, error) from error
    return state


def damaged(path: Path, error: Exception) -> ConfigError:
    """Return the error that names a damaged checkpoint."""
    return ConfigError(f"{path} is damaged ({_line(error)}); remove it: the run goes on from the one before")


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
