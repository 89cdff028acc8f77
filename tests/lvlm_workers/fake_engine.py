"""Engines in place of vLLM's that answer and die as told."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from lvlm_workers.base import Request
from lvlm_workers.chat_api import Completion
from lvlm_workers.vllm_keeper import EngineDiedError, EngineKeeper, Question

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


def ask(number: int, words: str = "") -> Request:
    return Request(tag=number, prompt=f"question {number} {words}".strip())
