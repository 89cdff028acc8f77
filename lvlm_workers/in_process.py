"""What workers with a model in this process have in common."""

import importlib.util
import os.path

from lvlm_workers.base import WorkerError
from schemas.checkpoint import find_checkpoint
from schemas.errors import ConfigError
from schemas.workers import NamedModelConfig


def need_packages(kind: str, *packages: str, extra: str) -> None:
    """Look whether packages are installed; none is imported.

    Raises:
        ConfigError: one is not; `extra` of ours would install it.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"worker kind {kind!r} needs {package}, which is not installed; "
                f"pip install 'pairwright[{extra}]'"
            )


def need_checkpoint(config: NamedModelConfig) -> None:
    """Look whether the model is the folder of a checkpoint, or can be a hub id; nothing is loaded or asked.

    Raises:
        WorkerError: it is neither.
    """
    try:
        find_checkpoint(config.model, "model")
    except ConfigError as error:
        raise WorkerError(str(error)) from error


def served_model(config: NamedModelConfig) -> str:
    """Return the name for provenance: a folder without the path to it, and the revision."""
    is_folder = os.path.isdir(config.model)
    name = os.path.basename(os.path.abspath(config.model)) if is_folder else config.model
    return f"{name}@{config.revision}" if config.revision else name
