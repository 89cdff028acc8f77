"""Checkpoints: written whole or not at all, and the newest whole one is found again."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from contrastive_trainer.model import Clip
from contrastive_trainer.tokenizer import TextEncoder
from schemas.errors import ConfigError

_NAME = re.compile(r"step-(\d{8,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. The data position follows from `step`, and so does every random draw."""

    step: int
    steps: int
    samples: int
    skipped: int
    settings: str  # hash of what decides the weights


def save_checkpoint(
    folder: Path,
    progress: Progress,
    clip: Clip,
    encoder: TextEncoder,
    tensors: Mapping[str, Mapping[str, Tensor]],
    optimizer: Mapping[str, Any],
) -> Path:
    """Write `folder/step-NNNNNNNN` under another name, then rename it; return it.

    It holds the model as transformers loads it, the tokenizer, `NAME.safetensors` for each of `tensors`,
    `optimizer.pt` and `progress.json`.
    """
    final = folder / f"step-{progress.step:08d}"
    half = folder / f".half-{final.name}"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    clip.save(half)
    encoder.save(half)
    for name, group in tensors.items():
        if group:
            save_file({key: value.contiguous() for key, value in group.items()}, half / f"{name}.safetensors")
    torch.save(dict(optimizer), half / "optimizer.pt")
    (half / "progress.json").write_text(json.dumps(asdict(progress), indent=1) + "\n", encoding="utf-8")
    for path in half.iterdir():
        _sync(path)
    shutil.rmtree(final, ignore_errors=True)
    os.rename(half, final)
    _sync(folder)
    return final


def newest(folder: Path) -> Path | None:
    """Return the checkpoint of the most steps; None where there is none."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name)]
    return max(found, key=lambda path: int(path.name[5:]), default=None)


def keep_newest(folder: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and what was half written."""
    found = sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name))
    for path in [*found[:-count], *folder.glob(".half-*")]:
        shutil.rmtree(path)


def read_progress(path: Path, settings: str) -> Progress:
    """Return how far a checkpoint is.

    Raises:
        ConfigError: it is of another configuration, or damaged.
    """
    try:
        progress = Progress(**json.loads((path / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} is no whole checkpoint ({error}); remove it") from error
    if progress.settings != settings:
        raise ConfigError(
            f"{path} was trained with another configuration or other shards; give another output, or "
            "remove it"
        )
    return progress


def load_tensors(path: Path, name: str) -> dict[str, Tensor]:
    """Return the tensors saved under a name; none where none were."""
    file = path / f"{name}.safetensors"
    return dict(load_file(file)) if file.exists() else {}


def load_optimizer(path: Path) -> dict[str, Any]:
    """Return the optimiser's state; nothing in the file is ever executed."""
    state: dict[str, Any] = torch.load(path / "optimizer.pt", weights_only=True, map_location="cpu")
    return state


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
