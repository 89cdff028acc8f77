"""Checkpoints of the transformers library: where one is and runs, and that library kept quiet meanwhile.

Nothing here imports torch or transformers before it is called.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas.errors import ConfigError

if TYPE_CHECKING:
    import torch

_PART = r"\w(?:[\w.-]{0,94}\w)?"
_HUB_ID = re.compile(rf"(?!.*(?:--|\.\.|\.git\Z))(?:{_PART}/)?{_PART}", re.ASCII)
"""`name` or `organisation/name`, as huggingface_hub's `validate_repo_id` has it."""

_MEND = "give the folder of a checkpoint, such as OUT/final of a training, or a hub id, as organisation/name"
_MARKS = ("config.json", "tokenizer.json", "tokenizer_config.json")
"""One of these is in every folder that transformers loads something from."""

_MAX_SHOWN = 200


def find_checkpoint(path: str, field: str) -> str:
    """Return the folder, or the hub id, that a setting or an argument names; the network is not asked.

    What begins with `/`, `.` or `~`, has two slashes, or lies in a folder that exists, is a folder's path.

    Args:
        field: whose value it is, for the message, such as `model.checkpoint`.

    Raises:
        ConfigError: it is neither, or the folder holds no checkpoint.
    """
    folder, shown = os.path.expanduser(path), path[:_MAX_SHOWN]
    if os.path.isdir(folder):
        _check_folder(folder, field)
        return folder
    if os.path.exists(folder):
        raise ConfigError(f"{field}: {shown!r} is a file; give the folder of a checkpoint, such as OUT/final")
    if _looks_local(path):
        raise ConfigError(f"{field}: there is no folder {shown!r}{_nearest(folder)}; {_MEND}")
    if not _HUB_ID.fullmatch(path):
        raise ConfigError(f"{field}: {shown!r} is no folder and no hub id; {_MEND}")
    return path


def find_device(device: str) -> "torch.device":
    """Return where a model is to run.

    Args:
        device: cpu, cuda, or auto: a GPU where there is one.

    Raises:
        ConfigError: there is no GPU, and one is asked for.
    """
    import torch

    on_gpu = device != "cpu" and torch.cuda.is_available()
    if device == "cuda" and not on_gpu:
        raise ConfigError("device 'cuda': torch finds no GPU here; set device to auto or cpu")
    return torch.device("cuda" if on_gpu else "cpu")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the library's bar and notes off a terminal that shows ours."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _looks_local(path: str) -> bool:
    if path.startswith(("/", ".", "~")) or path.count("/") > 1 or path.endswith("/"):
        return True
    parent = os.path.dirname(path)
    return bool(parent) and os.path.isdir(parent)


def _check_folder(folder: str, field: str) -> None:
    if any(os.path.exists(os.path.join(folder, name)) for name in _MARKS):
        return
    final = os.path.join(folder, "final")
    if os.path.exists(os.path.join(final, "config.json")):
        raise ConfigError(f"{field}: {folder!r} is the output of a training; its model is {final}")
    raise ConfigError(f"{field}: {folder!r} holds no checkpoint (no config.json); {_MEND}")


def _nearest(folder: str) -> str:
    """Return a remark on how much of a path is there; empty where that is nothing or all but the name."""
    parent = os.path.dirname(os.path.abspath(folder))
    if os.path.isdir(parent):
        return ""
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    return "" if parent == os.sep else f" (only {parent} is there)"
