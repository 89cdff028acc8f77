"""Checkpoints that are broken on purpose, and the one line in which that is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lvlm_workers.base import Request, Worker, WorkerError
from schemas.errors import PairwrightError
from tests.lvlm_workers.asking import ask


def change(path: Path, **values: Any) -> None:
    """Give keys of a JSON file other values."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def raised(error: type[PairwrightError], act: Callable[[], object]) -> str:
    """Return what is said of the error, on one line of bounded length, that must be raised."""
    with pytest.raises(error) as caught:
        act()
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 600
    return line


def told(worker: Worker, method: str, request: Request) -> str:
    """Return the line that a worker says of its model: `check` it, or have it `answer` a request."""
    return raised(WorkerError, worker.check if method == "check" else lambda: ask(worker, [request]))
