"""Keep one engine running in a thread of its own, over many calls and whatever it dies of."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from lvlm_workers.base import Request, WorkerError
from lvlm_workers.chat_api import Completion, RefusedError, TryAgainError

ATTEMPTS = 3
"""Of one question. What was in flight at a death is asked again one by one, beside fresh questions, so that
one which kills engines is found out: it alone was asked each time."""
FORGIVEN_AFTER = 1000
"""An engine that has answered so many since it died counts as one that never did."""
PAUSE_S = 5.0
"""Between a death and a restart: a GPU's memory is free only a while after its process is gone."""

_MAX_MESSAGE_CHARS = 300


class EngineDiedError(Exception):
    """The engine will answer nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request, and the picture as the model is to see it."""

    request: Request
    jpeg: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a question, at which attempt, and the seconds which that took."""

    completion: Completion
    attempts: int
    seconds: float


class Engine(Protocol):
    """What answers questions, many at once, until it is shut down."""

    async def ask(self, question: Question) -> Completion:
        """Return the reply.

        Raises:
            RefusedError: the engine will never answer this question.
            TryAgainError: it failed in a way that may pass.
            EngineDiedError: the engine is gone.
        """

    def shutdown(self) -> None:
        """End what runs; called once, also of an engine that died."""


class EngineKeeper:
    """Asks an engine that it starts when the first question comes, and again each time that it dies.

    An engine without any reply for `timeout_s`, although it is asked, counts as dead.
    """

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        *,
        model: str,
        max_restarts: int,
        timeout_s: float,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._open_engine = open_engine
        self._model = model
        self._max_restarts = max_restarts
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._engine: Engine | None = None
        self._failed: WorkerError | None = None
        self._deaths = self._replies = self._asked = 0
        self._last_reply = 0.0
        self._changing = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def ask(self, question: Question) -> "Future[Answer]":
        """Put a question, from any thread; to cancel the future takes it back.

        The future raises:
            RefusedError: this question was refused, or failed at every attempt.
            WorkerError: the engine cannot be started, or died too often.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._ask(question), self._loop)

    def close(self) -> None:
        """Shut the engine down; nothing may be asked any more."""
        if self._thread is not None:
            asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _ask(self, question: Question) -> Answer:
        fault: Exception | None = None
        for attempt in range(1, ATTEMPTS + 1):
            async with self._alone if attempt > 1 else nullcontext():
                engine = await self._running()
                started = time.monotonic()
                try:
                    completion = await self._watched(engine, question)
                except TryAgainError as error:
                    fault = error
                except EngineDiedError as error:
                    fault = error
                    await self._bury(engine, error)
                else:
                    seconds = time.monotonic() - started
                    return Answer(completion=completion, attempts=attempt, seconds=seconds)
        raise RefusedError(f"{fault} (attempt {ATTEMPTS})")

    async def _running(self) -> Engine:
        async with self._changing:
            while self._engine is None:
                if self._failed is not None:
                    raise self._failed
                try:
                    self._engine = self._open_engine()
                    self._last_reply = time.monotonic()
                except Exception as error:
                    if not self._deaths:
                        raise self._give_up(
                            f"vLLM cannot start model {self._model!r}: {_said(error)}"
                        ) from error
                    await self._count_death(error)
            return self._engine

    async def _watched(self, engine: Engine, question: Question) -> Completion:
        """Ask, and raise `EngineDiedError` too where nothing is answered any more."""
        if not self._asked:
            self._last_reply = time.monotonic()
        self._asked += 1
        asking = asyncio.ensure_future(engine.ask(question))
        try:
            while not asking.done():
                left = self._last_reply + self._timeout_s - time.monotonic()
                if left <= 0:
                    raise EngineDiedError(f"no reply within {self._timeout_s:g} s")
                await asyncio.wait({asking}, timeout=left)
            completion = asking.result()
        finally:
            self._asked -= 1
            asking.cancel()
        self._last_reply = time.monotonic()
        self._replies += 1
        if self._replies >= FORGIVEN_AFTER:
            self._deaths = 0
        return completion

    async def _bury(self, engine: Engine, error: EngineDiedError) -> None:
        async with self._changing:
            if engine is self._engine:  # else another question has told already
                self._engine = None
                engine.shutdown()
                await self._count_death(error)

    async def _count_death(self, error: Exception) -> None:
        self._deaths += 1
        self._replies = 0
        if self._deaths > self._max_restarts:
            times = f"{self._deaths} times" if self._deaths > 1 else "once"
            raise self._give_up(f"vLLM's engine died {times}, last of: {_said(error)}")
        await asyncio.sleep(self._pause_s)

    def _give_up(self, what: str) -> WorkerError:
        self._failed = WorkerError(
            f"{what}; vLLM's own messages say why: mend model, max_model_len, gpu_memory_utilization or "
            "in_flight of this worker, or raise max_restarts, and run again to resume"
        )
        return self._failed

    async def _shut_down(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None


def _said(error: Exception) -> str:
    return " ".join(f"{error}".split())[:_MAX_MESSAGE_CHARS] or type(error).__name__
