"""Ask servers over HTTP until one answers, or it is clear that none will."""

import asyncio
import hashlib
import json
import math
import time
from dataclasses import dataclass

import aiohttp

from lvlm_workers.base import Reply, WorkerError
from lvlm_workers.chat_api import (
    REFUSED_REQUEST,
    Completion,
    MisconfiguredError,
    RefusedError,
    TryAgainError,
    check_status,
    read_completion,
)
from lvlm_workers.endpoints import Endpoint
from lvlm_workers.service import Service, explain_connection

REFUSED_FROM_START = 16
"""So many refused requests before any answer stop the run: it is the set-up that is refused."""

_CANARIES = 3  # a server that fails now and then is not down
_CANARY_S = 30.0
_LONGEST_SLEEP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A body to post, and how many tokens it may cost."""

    body: bytes
    tokens: float


class ChatClient:
    """Asks over one session. At most `in_flight` attempts are under way; a request that waits is none."""

    def __init__(self, service: Service, session: aiohttp.ClientSession) -> None:
        self._service = service
        self._config = service.config
        self._endpoints = service.endpoints
        self._session = session
        self._slots = asyncio.Semaphore(service.config.in_flight)
        self._canary = asyncio.Lock()

    async def ask(self, question: Question) -> Reply:
        """Return the reply to a question, after as many attempts as it takes.

        Raises:
            WorkerError: no server answers, or the URL, key or model is wrong.
        """
        mark = hashlib.sha256(question.body).digest()
        attempts = failures = 0
        began = math.inf
        endpoint: Endpoint | None = None
        while True:
            async with self._slots:
                endpoint = await self._turn(question.tokens, endpoint)
                attempts, started = attempts + 1, time.monotonic()
                try:
                    found = await self._attempt(endpoint, question)
                    return self._reply(found, attempts, time.monotonic() - started, endpoint.url)
                except TryAgainError as error:
                    fault = error
            failures, began = failures + 1, min(began, started)
            if failures >= self._config.max_attempts:
                if not (fault.throttled and self._endpoints.answered_at >= began):
                    await self._check_alive(endpoint, fault, started)
                    return self._failed(f"{fault} (attempt {attempts})", attempts)
                failures, began = 0, math.inf  # the others have their turn: its own will come
            await asyncio.sleep(self._service.pace.backoff(mark, attempts, fault.retry_after_s))

    async def _turn(self, tokens: float, avoid: Endpoint | None) -> Endpoint:
        """Wait for the limits and for a server that does not rest."""
        now = time.monotonic()
        waits = self._service.requests.reserve(1, now), self._service.tokens.reserve(tokens, now)
        await asyncio.sleep(max(waits))
        while (endpoint := self._endpoints.choose(time.monotonic(), avoid)) is None:
            await asyncio.sleep(min(self._endpoints.wait_s(time.monotonic()), _LONGEST_SLEEP_S))
        return endpoint

    async def _attempt(self, endpoint: Endpoint, question: Question) -> Completion | RefusedError:
        started = time.monotonic()
        endpoint.load += 1
        try:
            found = await self._post(endpoint, question)
        except TryAgainError as error:
            self._endpoints.failed(endpoint, started, time.monotonic(), error.retry_after_s)
            raise
        except MisconfiguredError as error:
            raise self._service.misconfigured(endpoint.url, str(error)) from None
        finally:
            endpoint.load -= 1
        self._endpoints.answered(endpoint, time.monotonic())
        return found

    async def _post(self, endpoint: Endpoint, question: Question) -> Completion | RefusedError:
        url = f"{endpoint.url}/chat/completions"
        try:
            async with self._session.post(url, data=question.body, allow_redirects=False) as response:
                data = await self._service.read(response)
                check_status(response.status, data, response.headers.get("Retry-After"))
            completion = read_completion(data)
        except RefusedError as error:
            self._refused(error)
            return error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryAgainError(explain_connection(error, self._config.timeout_s)) from None
        if used := completion.tokens_in + completion.tokens_out:
            self._service.tokens.correct(used - question.tokens)
        self._service.refused = None
        return completion

    def _refused(self, error: RefusedError) -> None:
        if self._service.refused is None:
            return
        self._service.refused += 1
        if self._service.refused >= REFUSED_FROM_START:
            raise MisconfiguredError(f"refuses every request: {error}")

    def _reply(self, found: Completion | RefusedError, attempts: int, seconds: float, endpoint: str) -> Reply:
        if isinstance(found, RefusedError):
            return self._failed(str(found), attempts)
        hide = self._service.hide
        return Reply(
            text=hide(found.text),
            model=self._service.served_model(found.model),
            finish_reason=hide(found.finish_reason),
            tokens_in=found.tokens_in,
            tokens_out=found.tokens_out,
            attempts=attempts,
            seconds=seconds,
            endpoint=endpoint,
        )

    def _failed(self, what: str, attempts: int) -> Reply:
        return Reply(
            text=self._service.hide(what),
            model=self._service.served_model(),
            finish_reason=REFUSED_REQUEST,
            attempts=attempts,
        )

    async def _check_alive(self, endpoint: Endpoint, fault: TryAgainError, since: float) -> None:
        """Tell a request that always fails from servers that do: were others answered meanwhile?

        Where none was, a short question of our own tells.

        Raises:
            WorkerError: not even that is answered.
        """
        async with self._canary:
            if self._endpoints.answered_at >= since or await self._any_answers():
                return
        raise WorkerError(
            f"no server answers, {endpoint.url} with {self._service.hide(str(fault))}; "
            "mend it and run again to resume"
        )

    async def _any_answers(self) -> bool:
        message = {"role": "user", "content": "Say yes."}
        body = json.dumps({"model": self._config.model, "messages": [message], "max_tokens": 1}).encode()
        mark = hashlib.sha256(body).digest()
        for attempt in range(1, _CANARIES + 1):
            for endpoint in self._endpoints.all:
                try:
                    async with asyncio.timeout(_CANARY_S):
                        await self._attempt(endpoint, Question(body=body, tokens=16))
                    return True
                except (TryAgainError, TimeoutError):
                    continue
            await asyncio.sleep(self._service.pace.backoff(mark, attempt, None))
        return False
