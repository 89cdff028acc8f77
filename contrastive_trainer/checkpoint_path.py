"""Where a checkpoint is: a folder, or a model of the Hugging Face hub; told apart before the hub is asked."""

import os
import re

from schemas.errors import ConfigError

_HUB_ID = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
"""`name` or `organisation/name`, as huggingface_hub's `validate_repo_id` has it."""

_MAX_HUB_ID = 96
_MEND = "give the folder of a checkpoint, such as OUT/final, or a hub id like openai/clip-vit-base-patch32"
_MARKS = ("config.json", "tokenizer.json", "tokenizer_config.json")
"""One of these is in every folder that transformers loads something from."""


def find_checkpoint(path: str, field: str) -> str:
    """Return the folder, or the hub id, that a setting or an argument names; the network is not asked.

    What begins with `/`, `.` or `~`, has two slashes, or lies in a folder that exists, is a folder's path.

    Args:
        field: whose value it is, for the message, such as `model.checkpoint`.

    Raises:
        ConfigError: it is neither, or the folder holds no checkpoint.
    """
    folder = os.path.expanduser(path)
    if os.path.isdir(folder):
        _check_folder(folder, field)
        return folder
    if os.path.exists(folder):
        raise ConfigError(f"{field}: {path!r} is a file; give the folder of a checkpoint, such as OUT/final")
    if _looks_local(path):
        raise ConfigError(f"{field}: there is no folder {path!r}{_nearest(folder)}; {_MEND}")
    if len(path) > _MAX_HUB_ID or not _HUB_ID.fullmatch(path):
        raise ConfigError(f"{field}: {path[:200]!r} is no folder and no hub id; {_MEND}")
    return path


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
