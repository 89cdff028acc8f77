"""vLLM's engine in the worker process, kept busy through one sliding window."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Generator, Iterable
from contextlib import asynccontextmanager

from lvlm_workers.base import Reply, Request, Worker, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST, RefusedError
from lvlm_workers.chat_client import REFUSED_FROM_START
from lvlm_workers.in_flight import answer_in_flight
from lvlm_workers.in_process import need_checkpoint, need_packages, served_model
from lvlm_workers.picture import UnreadablePictureError, reduce_picture
from lvlm_workers.vllm_keeper import Engine, EngineKeeper, Question
from lvlm_workers.window import Work
from schemas.workers import VllmWorkerConfig


class VllmWorker(Worker):
    """Answers with vLLM's engine, as `vllm serve` would: a checkpoint's own generation settings hold.

    The engine is started when the first request comes, and is one for all workers of a process with the same
    configuration. Where it dies it is started again, and what was in flight is asked again. A reply with
    finish reason `refused_request` was written by no model (see `lvlm_workers.chat_api`).

    Raises:
        ConfigError: vLLM is not installed.
    """

    name = "vllm"
    repeatable = False
    reads_images = True

    def __init__(self, config: VllmWorkerConfig, keeper: EngineKeeper | None = None) -> None:
        self._config = config
        self._model = served_model(config)
        self._keeper = keeper or _keepers.borrow(config)
        self._own = keeper is None
        self._refused: int | None = 0  # before any was answered; None once one was

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in the order of the replies.

        At most `in_flight` are in the engine; some more are prepared (see `lvlm_workers.in_flight`).

        Raises:
            WorkerError: the engine cannot be started, died too often, or refuses every request.
        """
        yield from answer_in_flight(requests, self._prepare, self._open, self._config.in_flight)

    def check(self) -> None:
        """Look whether a model that is a folder is there; nothing is loaded.

        Raises:
            WorkerError: it is not.
        """
        if ":" not in self._config.model:  # else vLLM's own: a URL of a store, or a hub id and a quantization
            need_checkpoint(self._config)

    def close(self) -> None:
        """Shut the engine down where no other worker uses it."""
        if self._own:
            self._own = False
            _keepers.give_back(self._config)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Work[Question | Reply, Reply]]:
        slots = asyncio.Semaphore(self._config.in_flight)

        async def work(prepared: Question | Reply) -> Reply:
            if isinstance(prepared, Reply):
                return prepared
            async with slots:
                return await self._ask(prepared)

        yield work

    def _prepare(self, request: Request) -> Question | Reply:
        if request.image is None:
            return Question(request=request, jpeg=None)
        try:
            return Question(request=request, jpeg=reduce_picture(request.image, self._config.image_pixels))
        except UnreadablePictureError as error:
            return Reply(text=str(error), model=self._model, finish_reason=REFUSED_REQUEST, attempts=0)

    async def _ask(self, question: Question) -> Reply:
        try:
            answer = await asyncio.wrap_future(self._keeper.ask(question))
        except RefusedError as error:
            self._count_refused(error)
            return Reply(text=str(error), model=self._model, finish_reason=REFUSED_REQUEST)
        self._refused = None
        return Reply(
            text=answer.completion.text,
            model=self._model,
            finish_reason=answer.completion.finish_reason,
            tokens_in=answer.completion.tokens_in,
            tokens_out=answer.completion.tokens_out,
            attempts=answer.attempts,
            seconds=answer.seconds,
        )

    def _count_refused(self, error: RefusedError) -> None:
        if self._refused is None:
            return
        self._refused += 1
        if self._refused >= REFUSED_FROM_START:
            raise WorkerError(
                f"vLLM refuses every request to model {self._config.model!r}: {error}; mend model, "
                "max_model_len or the recipe, and run again to resume"
            )


class _Keepers:
    """The engines of this process: two recipes of one worker would else load its model twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keepers: dict[VllmWorkerConfig, tuple[EngineKeeper, int]] = {}

    def borrow(self, config: VllmWorkerConfig) -> EngineKeeper:
        need_packages("vllm", "vllm", extra="vllm")
        with self._lock:
            keeper, users = self._keepers.get(config) or (_make_keeper(config), 0)
            self._keepers[config] = keeper, users + 1
            return keeper

    def give_back(self, config: VllmWorkerConfig) -> None:
        with self._lock:
            keeper, users = self._keepers.pop(config)
            if users > 1:
                self._keepers[config] = keeper, users - 1
                return
        keeper.close()


_keepers = _Keepers()


_SETTINGS = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork of a process with threads may hang
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
}
"""Of the environment, read when vLLM is imported; what the user has set holds."""


def _make_keeper(config: VllmWorkerConfig) -> EngineKeeper:
    def open_engine() -> Engine:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        from lvlm_workers.vllm_engine import VllmEngine

        return VllmEngine(config)

    return EngineKeeper(
        open_engine, model=config.model, max_restarts=config.max_restarts, timeout_s=config.timeout_s
    )
