"""The worker's side of vLLM, with engines that answer as told; `tests/real_vllm` has the real one."""

import asyncio
import importlib.util
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lvlm_workers import vllm
from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST, RefusedError
from lvlm_workers.registry import make_worker
from lvlm_workers.vllm import VllmWorker
from lvlm_workers.vllm_keeper import EngineKeeper, Question
from schemas.errors import ConfigError
from schemas.workers import VllmWorkerConfig
from tests.lvlm_workers.asking import by_tag
from tests.lvlm_workers.fake_engine import Engines, FakeEngine, ask


def test_what_comes_back(run: Any) -> None:
    worker, engines = run()
    kept: list[Reply] = []
    request = Request(tag="t", prompt="a dog runs", seed=7, on_reply=kept.append)
    ((back, reply),) = worker.answer([request])
    assert back is request
    assert kept == [reply]
    assert reply == Reply(
        text="A DOG RUNS", model="tiny", tokens_in=3, tokens_out=2, attempts=1, seconds=reply.seconds
    )
    assert engines.seen == [Question(request=request, jpeg=None)]


def test_the_engine_is_started_once_and_only_when_something_is_asked(run: Any) -> None:
    worker, engines = run()
    assert list(worker.answer([])) == []
    assert engines.starts == 0
    for _ in range(3):
        assert len(by_tag(worker.answer(ask(n) for n in range(20)))) == 20
    assert engines.starts == 1


def test_the_engine_is_kept_full_while_there_is_work_and_never_fuller(run: Any) -> None:
    # One is answered each time that eight are in flight: who waits for a batch to end would hang.
    waiting: deque[asyncio.Event] = deque()
    most = 0

    async def gate(engine: FakeEngine, question: Question) -> None:
        nonlocal most
        waiting.append(asyncio.Event())
        most = max(most, len(waiting))
        mine = waiting[-1]
        if len(waiting) >= 8:
            waiting.popleft().set()
        if engine.asked == 200:
            while waiting:
                waiting.popleft().set()
        await mine.wait()

    worker, _ = run(gate, in_flight=8)
    assert len(by_tag(worker.answer(ask(n) for n in range(200)))) == 200
    assert most == 8


def test_requests_are_pulled_a_bounded_number_ahead(run: Any) -> None:
    pulled, answered, ahead = 0, 0, []

    def requests() -> Iterator[Request]:
        nonlocal pulled
        for n in range(300):
            pulled += 1
            ahead.append(pulled - answered)
            yield ask(n)

    worker, _ = run(in_flight=4)
    for _ in worker.answer(requests()):
        answered += 1
    assert answered == 300
    assert max(ahead) == 4 + 16


def test_a_refused_request_fails_alone(run: Any) -> None:
    async def refuses(engine: FakeEngine, question: Question) -> None:
        if "long" in question.request.prompt:
            raise RefusedError("the prompt is too long")

    worker, engines = run(refuses)
    found = by_tag(worker.answer(ask(n, "long" * (n == 5)) for n in range(20)))
    assert {n for n, reply in found.items() if reply.finish_reason == REFUSED_REQUEST} == {5}
    assert found[5] == Reply(text="the prompt is too long", model="tiny", finish_reason=REFUSED_REQUEST)
    assert set(engines.prompts().values()) == {1}
    assert engines.starts == 1


def test_an_engine_that_refuses_everything_stops_the_run(run: Any) -> None:
    async def refuses(engine: FakeEngine, question: Question) -> None:
        raise RefusedError("no schema like this")

    worker, engines = run(refuses, in_flight=4)
    with pytest.raises(
        WorkerError, match="^vLLM refuses every request to model 'tiny': no schema like this;"
    ):
        list(worker.answer(ask(n) for n in range(100)))
    assert len(engines.seen) <= 16 + 4


def picture(**save: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "red").save(out, "PNG", **save)
    return out.getvalue()


def test_pictures_are_reduced_and_broken_ones_not_asked_about(run: Any) -> None:
    worker, engines = run()
    broken = picture()[:200]
    found = by_tag(
        worker.answer([Request(tag=0, prompt="p", image=picture()), Request(tag=1, prompt="q", image=broken)])
    )
    assert found[0].finish_reason == "stop"
    assert (found[1].finish_reason, found[1].attempts) == (REFUSED_REQUEST, 0)
    assert found[1].text.startswith("the picture cannot be decoded: ")
    (question,) = engines.seen
    with Image.open(io.BytesIO(question.jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", (591, 443))  # 512 x 512 pixels, of its shape


def test_vllm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"^worker kind 'vllm' needs vllm, .*; pip install 'pairwright\[vllm\]'$"
    ):
        make_worker(VllmWorkerConfig(kind="vllm", model="tiny"))


def test_two_workers_of_a_process_share_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    made: list[Engines] = []

    def make_keeper(config: VllmWorkerConfig) -> EngineKeeper:
        made.append(Engines())
        return made[-1].keeper

    monkeypatch.setattr(vllm, "_make_keeper", make_keeper)
    same = VllmWorkerConfig(kind="vllm", model="tiny"), VllmWorkerConfig(kind="vllm", model="tiny")
    workers = [make_worker(config) for config in same]
    other = make_worker(VllmWorkerConfig(kind="vllm", model="large"))
    for worker in (*workers, other):
        assert len(list(worker.answer(ask(n) for n in range(3)))) == 3
    assert [engines.starts for engines in made] == [1, 1]
    workers[0].close()
    workers[0].close()
    assert made[0].opened[0].shut_down == 0
    assert len(list(workers[1].answer([ask(0)]))) == 1
    workers[1].close()
    other.close()
    assert [engines.opened[0].shut_down for engines in made] == [1, 1]
    again = make_worker(same[0])
    assert len(made) == 3
    again.close()


def test_check_of_a_model_in_a_folder(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    keeper = run()[1].keeper
    folder = VllmWorkerConfig(kind="vllm", model="~/model")
    with pytest.raises(WorkerError, match=r"^model: there is no folder '/.*/model'; give the folder of a"):
        VllmWorker(folder, keeper).check()
    (tmp_path / "model").mkdir()
    with pytest.raises(WorkerError, match=r"holds no checkpoint \(no config\.json\)"):
        VllmWorker(folder, keeper).check()
    (tmp_path / "model" / "config.json").write_text("{}")
    VllmWorker(folder, keeper).check()


@pytest.mark.parametrize(
    "model", ["Qwen/Qwen2.5-VL-7B-Instruct", "unsloth/Qwen3-0.6B-GGUF:Q4_K_M", "s3://bucket/models/qwen"]
)
def test_check_of_a_model_elsewhere(run: Any, model: str) -> None:
    VllmWorker(VllmWorkerConfig(kind="vllm", model=model), run()[1].keeper).check()


def test_provenance_names_no_folder_of_this_machine(tmp_path: Path, run: Any) -> None:
    config = VllmWorkerConfig(kind="vllm", model=str(tmp_path), revision="r1")
    worker = VllmWorker(config, run()[1].keeper)
    ((_, reply),) = worker.answer([ask(0)])
    assert reply.model == f"{tmp_path.name}@r1"


def test_how_the_model_is_loaded_decides_the_replies_and_where_it_runs_does_not() -> None:
    plain = VllmWorkerConfig(kind="vllm", model="m").identity()
    assert VllmWorkerConfig(kind="vllm", model="m", quantization="fp8").identity() != plain
    assert VllmWorkerConfig(kind="vllm", model="m", dtype="float16").identity() != plain
    elsewhere = VllmWorkerConfig(kind="vllm", model="m", gpu="nvidia-a100-80gb", in_flight=9, timeout_s=9)
    assert elsewhere.identity() == plain
