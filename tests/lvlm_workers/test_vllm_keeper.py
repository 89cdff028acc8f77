"""Engines that die, hang or stumble: what is asked again, and what ends the run."""

import asyncio
import contextlib
from typing import Any

import pytest

from lvlm_workers import vllm_keeper
from lvlm_workers.base import WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST, TryAgainError
from lvlm_workers.vllm_keeper import Question
from tests.lvlm_workers.asking import by_tag
from tests.lvlm_workers.fake_engine import Engines, FakeEngine, ask, at_once


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
