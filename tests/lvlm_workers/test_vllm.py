"""The worker's side of vLLM, with engines that answer and die as told; `tests/real_vllm` has the real one."""

import asyncio
import contextlib
import importlib.util
import io
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lvlm_workers import vllm, vllm_keeper
from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST, Completion, RefusedError, TryAgainError
from lvlm_workers.registry import make_worker
from lvlm_workers.vllm import VllmWorker
from lvlm_workers.vllm_keeper import EngineDiedError, EngineKeeper, Question
from lvlm_workers.vllm_watch import Watch
from schemas.errors import ConfigError
from schemas.workers import VllmWorkerConfig

ROOT = Path(__file__).parents[2]
Behaviour = Callable[["FakeEngine", Question], Awaitable[None]]


class FakeEngine:
    """Answers in capitals, once `behave` has returned; where it dies, all that is in flight fails."""

    def __init__(self, seen: list[Question], behave: Behaviour) -> None:
        self.seen = seen
        self.behave = behave
        self.dead = asyncio.Event()
        self.asked = self.cancelled = self.shut_down = 0

    async def ask(self, question: Question) -> Completion:
        self.seen.append(question)
        self.asked += 1
        behaving = asyncio.ensure_future(self.behave(self, question))
        dying = asyncio.ensure_future(self.dead.wait())
        try:
            await asyncio.wait({behaving, dying}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            dying.cancel()
            behaving.cancel()
        if self.dead.is_set():
            raise EngineDiedError("killed")
        behaving.result()
        words = question.request.prompt.upper()
        return Completion(
            text=words, model="", finish_reason="stop", tokens_in=len(words.split()), tokens_out=2
        )

    def shutdown(self) -> None:
        self.shut_down += 1


async def at_once(engine: FakeEngine, question: Question) -> None:
    await asyncio.sleep(0)


class Engines:
    """A keeper whose n-th engine behaves as the n-th of `behaviours` says; the last says it for all after."""

    def __init__(self, *behaviours: Behaviour | Exception, **settings: Any) -> None:
        self.behaviours = behaviours or (at_once,)
        self.opened: list[FakeEngine] = []
        self.starts = 0
        self.seen: list[Question] = []
        told = {"model": "tiny", "max_restarts": 3, "timeout_s": 600, "pause_s": 0} | settings
        self.keeper = EngineKeeper(self.open, **told)

    def open(self) -> FakeEngine:
        behave = self.behaviours[min(self.starts, len(self.behaviours) - 1)]
        self.starts += 1
        if isinstance(behave, Exception):
            raise behave
        self.opened.append(FakeEngine(self.seen, behave))
        return self.opened[-1]

    def prompts(self) -> Counter[str]:
        return Counter(question.request.prompt for question in self.seen)


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


def ask(number: int, words: str = "") -> Request:
    return Request(tag=number, prompt=f"question {number} {words}".strip())


def by_tag(answered: Iterable[tuple[Request, Reply]]) -> dict[int, Reply]:
    found: dict[int, Reply] = {}
    for request, reply in answered:
        assert request.tag not in found
        found[request.tag] = reply
    return found


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


def test_what_was_in_flight_when_the_engine_died_is_asked_again(run: Any) -> None:
    async def dies_at_30(engine: FakeEngine, question: Question) -> None:
        await asyncio.sleep(0)
        if engine.asked >= 30:
            engine.dead.set()
            await asyncio.Event().wait()

    worker, engines = run(dies_at_30, at_once)
    found = by_tag(worker.answer(ask(n) for n in range(100)))
    assert sorted(found) == list(range(100))
    assert {reply.finish_reason for reply in found.values()} == {"stop"}
    assert [engine.shut_down for engine in engines.opened] == [1, 0]
    twice = {prompt for prompt, times in engines.prompts().items() if times == 2}
    assert 1 <= len(twice) <= 8
    assert set(engines.prompts().values()) == {1, 2}
    assert {ask(n).prompt for n, reply in found.items() if reply.attempts == 2} == twice


def test_a_question_that_kills_every_engine_is_found_out(run: Any) -> None:
    async def deadly(engine: FakeEngine, question: Question) -> None:
        await asyncio.sleep(0)
        if "poison" in question.request.prompt:
            engine.dead.set()

    worker, engines = run(deadly)
    found = by_tag(worker.answer(ask(n, "poison" * (n == 11)) for n in range(60)))
    assert {n for n, reply in found.items() if reply.finish_reason == REFUSED_REQUEST} == {11}
    assert found[11].text == "killed (attempt 3)"
    assert engines.prompts()["question 11 poison"] == 3
    assert engines.starts == 4


def test_an_engine_that_dies_too_often_stops_the_run(run: Any) -> None:
    async def dies(engine: FakeEngine, question: Question) -> None:
        engine.dead.set()

    worker, engines = run(dies, max_restarts=2)
    line = (
        "^vLLM's engine died 3 times, last of: killed; vLLM's own messages say why: mend model, "
        "max_model_len, gpu_memory_utilization or in_flight of this worker, or raise max_restarts, and run "
        "again to resume$"
    )
    with pytest.raises(WorkerError, match=line):
        list(worker.answer(ask(n) for n in range(100)))
    assert engines.starts == 3
    with pytest.raises(WorkerError, match=line):
        list(worker.answer([ask(0)]))
    assert engines.starts == 3


def test_no_restart_where_none_is_allowed(run: Any) -> None:
    async def dies(engine: FakeEngine, question: Question) -> None:
        engine.dead.set()

    worker, engines = run(dies, max_restarts=0)
    with pytest.raises(WorkerError, match="^vLLM's engine died once, last of: killed; "):
        list(worker.answer([ask(0)]))
    assert engines.starts == 1


def test_an_engine_that_never_starts_is_started_once(run: Any) -> None:
    worker, engines = run(RuntimeError("no\n memory"))
    with pytest.raises(WorkerError, match="^vLLM cannot start model 'tiny': no memory; vLLM's own messages"):
        list(worker.answer(ask(n) for n in range(10)))
    assert engines.starts == 1


def test_a_restart_may_need_more_than_one_try(run: Any) -> None:
    async def dies(engine: FakeEngine, question: Question) -> None:
        engine.dead.set()

    worker, engines = run(dies, RuntimeError("no memory yet"), at_once, max_restarts=2)
    assert len(by_tag(worker.answer(ask(n) for n in range(10)))) == 10
    assert engines.starts == 3


def test_deaths_are_forgiven_after_many_replies(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_keeper, "FORGIVEN_AFTER", 40)

    async def dies_at_90(engine: FakeEngine, question: Question) -> None:
        await asyncio.sleep(0)
        if engine.asked >= 90:
            engine.dead.set()

    worker, engines = run(dies_at_90, max_restarts=1)
    assert len(by_tag(worker.answer(ask(n) for n in range(300)))) == 300
    assert engines.starts == 4


def test_an_engine_that_hangs_counts_as_dead(run: Any) -> None:
    async def hangs_at_10(engine: FakeEngine, question: Question) -> None:
        await (asyncio.sleep(0) if question.request.tag < 10 else asyncio.Event().wait())

    worker, engines = run(hangs_at_10, at_once, timeout_s=1.0)
    found = by_tag(worker.answer(ask(n) for n in range(40)))
    assert {reply.finish_reason for reply in found.values()} == {"stop"}
    assert engines.starts == 2
    assert engines.opened[0].cancelled >= 1


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


@pytest.mark.parametrize(("failures", "attempts", "finish"), [(1, 2, "stop"), (9, 3, REFUSED_REQUEST)])
def test_what_may_pass_is_tried_again(run: Any, failures: int, attempts: int, finish: str) -> None:
    left = failures

    async def stumbles(engine: FakeEngine, question: Question) -> None:
        nonlocal left
        if "hard" in question.request.prompt and left:
            left -= 1
            raise TryAgainError("gave up")

    worker, engines = run(stumbles)
    found = by_tag(worker.answer(ask(n, "hard" * (n == 3)) for n in range(10)))
    assert found[3].finish_reason == finish
    assert engines.prompts()["question 3 hard"] == attempts
    assert engines.starts == 1


def test_a_caller_that_stops_takes_its_questions_back(run: Any) -> None:
    async def slow(engine: FakeEngine, question: Question) -> None:
        await (asyncio.Event().wait() if question.request.tag else asyncio.sleep(0))

    worker, engines = run(slow, in_flight=4)
    with contextlib.closing(worker.answer(ask(n) for n in range(50))) as answers:
        next(answers)
    worker.close()
    engines.keeper.close()
    (engine,) = engines.opened
    assert engine.cancelled == engine.asked - 1
    engines.keeper = Engines().keeper  # for the fixture to close


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


def test_check_of_a_model_in_a_folder(tmp_path: Path, run: Any) -> None:
    keeper = run()[1].keeper
    folder = VllmWorkerConfig(kind="vllm", model=str(tmp_path / "model"))
    with pytest.raises(
        WorkerError, match=r"^model '.*/model' is no folder with a config\.json; name one, or"
    ):
        VllmWorker(folder, keeper).check()
    (tmp_path / "model").mkdir()
    with pytest.raises(WorkerError, match=r"no folder with a config\.json"):
        VllmWorker(folder, keeper).check()
    (tmp_path / "model" / "config.json").write_text("{}")
    VllmWorker(folder, keeper).check()
    VllmWorker(VllmWorkerConfig(kind="vllm", model="Qwen/Qwen2.5-VL-7B-Instruct"), keeper).check()


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


_ENGINE_OF_A_PARENT = """
import multiprocessing, sys, time
from lvlm_workers.vllm_watch import Watch
if __name__ == "__main__":
    watch = Watch()
    spawn = multiprocessing.get_context("spawn")
    with watch.over_start():
        child = spawn.Process(target=time.sleep, args=(600,), name="EngineCore")
        child.start()
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_an_engine_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_ENGINE_OF_A_PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        engine = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            parent.wait()
            assert select.select([engine], [], [], 30)[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(engine, signal.SIGKILL)
            os.close(engine)


def test_a_closed_watch_ends_nobody() -> None:
    watch = Watch()
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,), name="EngineCore")
    with watch.over_start():
        child.start()
    watch.close()
    assert child.is_alive()
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
