"""A server that misbehaves as told, loaded from beside the tests, which are no package."""

import gc
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.pacing import Pace
from schemas.workers import OpenAIWorkerConfig

QUICK = Pace(backoff_s=0.01, backoff_cap_s=0.05, rest_s=0.02, rest_cap_s=0.05)


@pytest.fixture(scope="session")
def openai_server() -> ModuleType:
    """Return the module `tests/openai_server.py`."""
    spec = importlib.util.spec_from_file_location(
        "openai_server", Path(__file__).parents[1] / "openai_server.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def serve(openai_server: ModuleType) -> Iterator[Callable[..., Any]]:
    """Start servers: `serve(fault_rate=0.3)`; they stop with the test."""
    with ExitStack() as stack:
        yield lambda **told: stack.enter_context(openai_server.ModelServer(**told))
    gc.collect()  # a socket left open warns in the test that left it


@pytest.fixture
def work() -> Callable[..., OpenAIWorker]:
    """Make a worker for servers, with short waits: `work(server, in_flight=4)`."""

    def make(*servers: Any, pace: Pace = QUICK, **settings: Any) -> OpenAIWorker:
        values = {"kind": "openai", "base_urls": [server.url for server in servers], "model": "tiny"}
        return OpenAIWorker(OpenAIWorkerConfig.model_validate(values | settings), pace)

    return make
