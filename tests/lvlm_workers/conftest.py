"""Servers, engines and models as the tests want them."""

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
from lvlm_workers.vllm import VllmWorker
from schemas.workers import OpenAIWorkerConfig, VllmWorkerConfig
from tests.lvlm_workers.fake_engine import Engines

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


@pytest.fixture
def run() -> Iterator[Callable[..., Any]]:
    """Make engines and a worker for them: `run(behaviour, ..., in_flight=4)`."""
    made: list[Engines] = []

    def make(*behaviours: Any, in_flight: int = 8, **settings: Any) -> tuple[VllmWorker, Engines]:
        made.append(Engines(*behaviours, **settings))
        config = VllmWorkerConfig(kind="vllm", model="tiny", in_flight=in_flight)
        return VllmWorker(config, made[-1].keeper), made[-1]

    yield make
    for engines in made:
        engines.keeper.close()
        assert all(engine.shut_down == 1 for engine in engines.opened)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Have torch use one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def owlv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny OWLv2."""
    from tests.tiny_owlv2 import save_owlv2

    return save_owlv2(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Save each kind of checkpoint once: `folders("llama")`."""
    from tests.tiny_models import save_llava, save_qwen2_vl, save_text_model

    root = tmp_path_factory.mktemp("checkpoints")
    save: dict[str, Callable[[Path], Path]] = {
        "llama": save_text_model,
        "qwen2": lambda folder: save_text_model(folder, "qwen2", seed=1),
        "qwen2_vl": save_qwen2_vl,
        "llava": save_llava,
        "llava_plain": lambda folder: save_llava(folder, template=False),
    }
    return lambda kind: root / kind if (root / kind).is_dir() else save[kind](root / kind)
