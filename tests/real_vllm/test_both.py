"""The worker with the engine in its process gives what the server gives."""

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import render_scene
from lvlm_workers.base import Request, Worker
from lvlm_workers.registry import make_worker
from recipes.registry import get_recipe
from schemas.facts import Facts
from schemas.workers import OpenAIWorkerConfig, VllmWorkerConfig

# Importing vLLM warns of much, and it is imported in this process.
pytestmark = pytest.mark.filterwarnings("ignore")
SCENES = 24


def requests() -> Iterator[Request]:
    """Yield greedy requests, one about a truncated picture that only its decoding shows to be one."""
    recipe = get_recipe("hqclip")
    for seed in range(SCENES):
        scene = render_scene(seed, 200)
        out = BytesIO()
        scene.image.convert("RGB").save(out, "JPEG")
        prompt = recipe.prompt(Facts(index=seed, uid="", key="", alt_text=scene.captions[0]))
        yield Request(tag=seed, prompt=prompt, image=out.getvalue(), schema=recipe.schema)
    yield Request(tag=SCENES, prompt=prompt, image=out.getvalue()[:-500], schema=recipe.schema)


def answers(worker: Worker) -> dict[int, tuple[Any, ...]]:
    with closing(worker):
        worker.check()
        found = {request.tag: reply for request, reply in worker.answer(requests())}
    return {
        tag: (reply.text, reply.finish_reason, reply.tokens_in, reply.tokens_out, reply.attempts)
        for tag, reply in sorted(found.items())
    }


def test_the_same_replies_and_tokens(server: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    asked = OpenAIWorkerConfig(kind="openai", base_urls=(f"{server.url}/v1",), model="tiny")
    in_process = VllmWorkerConfig(kind="vllm", model=str(tiny_model), dtype="float32", max_model_len=1536)
    theirs, ours = answers(make_worker(asked)), answers(make_worker(in_process))
    assert len(ours) == SCENES + 1
    assert ours[SCENES][1] == theirs[SCENES][1] == "refused_request"
    assert "truncated" in ours[SCENES][0]
    assert {tag: ours[tag] for tag in range(SCENES)} == {tag: theirs[tag] for tag in range(SCENES)}
