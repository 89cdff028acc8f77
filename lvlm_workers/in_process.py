"""What workers with a model in this process have in common."""

import importlib.util
import os.path

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


def served_model(config: NamedModelConfig) -> str:
    """Return the name for provenance: a folder without the path to it, and the revision."""
    is_folder = os.path.isdir(config.model)
    name = os.path.basename(os.path.abspath(config.model)) if is_folder else config.model
    return f"{name}@{config.revision}" if config.revision else name
