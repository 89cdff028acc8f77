"""A server of OpenAI's chat API on loopback that misbehaves as told, and remembers what it saw.

A prompt that holds `[[FAULT]]` meets that fault each time it comes, `[[FAULT*2]]` the first two times;
`fault_rate` has the server draw faults for the rest. FAULT is one of `FAULTS` or a three-digit HTTP status.
"""

import asyncio
import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

BROKEN = ("408", "429", "500", "503", "reset", "stall", "cut-body", "no-json", "wrong-shape", "error-200")
"""Faults of the service: another attempt may do better."""
REPLIES = ("empty", "null", "refusal", "refused-field", "length", "control", "prose", "wrong-fields")
"""Faults of the model: an answer, but a poor one."""
FAULTS = (*BROKEN, *REPLIES, "slow")

_MARK = re.compile(r"\[\[([a-z0-9-]+)(?:\*(\d+))?\]\]")
_NO_DIGITS = str.maketrans("0123456789", "ghijklmnop")  # a rewrite may add no number
_CONTENT = {
    "empty": "",
    "null": None,
    "refusal": "I'm sorry, but I can't help with that.",
    "refused-field": None,
    "control": '{"rewrites": ["a\x00b\x1b[0m\x07"]}',
    "prose": "Sure! The image shows a dog.",
    "wrong-fields": '{"answer": 42}',
}


@dataclass(kw_only=True)
class Seen:
    """One request: when it came (monotonic seconds), its body, and how it went on."""

    at: float
    body: dict[str, Any]
    prompt: str
    authorization: str | None
    path: str
    fault: str | None = None
    ended: float | None = None
    service: tuple[float, float] | None = None
    latency: float = 0.0
    status: int | None = None


def json_answer(body: Mapping[str, Any]) -> str:
    """Return valid JSON for the schema asked for, the same for the same body; prose where there is none."""
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:8].translate(_NO_DIGITS)
    if "response_format" not in body:
        return f"Words about {digest}."
    properties = body["response_format"]["json_schema"]["schema"]["properties"]
    return json.dumps({name: [f"{name.replace('_', ' ')} of {digest}"] for name in properties})


@dataclass(kw_only=True, eq=False)
class ModelServer:
    """Use as a context manager. `latency` draws seconds a request; `slots` are how many are served at once.

    With `gate = (n, total)` nobody is answered unless n are in flight or all `total` have come.
    """

    answer: Callable[[Mapping[str, Any]], str] = json_answer
    latency: Callable[[random.Random], float] = lambda _: 0.0
    slots: int | None = None
    gate: tuple[int, int] | None = None
    fault_rate: float = 0.0
    faults: Sequence[str] = FAULTS
    seed: int = 0
    retry_after: str = "0"
    slow_s: float = 0.05
    models: Sequence[str] = ("tiny",)
    models_status: int = 200
    keep_bodies: bool = True
    seen: list[Seen] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __enter__(self) -> "ModelServer":
        started = threading.Event()
        self._times: Counter[str] = Counter()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="model-server")
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def prompts(self) -> list[str]:
        """The prompts seen, in order, with repeats."""
        return [seen.prompt for seen in self.seen]

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._free = asyncio.Semaphore(self.slots or 10**6)
        self._change = asyncio.Condition()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list)
        runner = web.AppRunner(app, shutdown_timeout=0, access_log=None, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port = runner.addresses[0][1]
        started.set()
        await self._stopped.wait()
        # Python 3.11 leaves a socket open that it accepts while its server closes: accept no more before.
        for port in site._server.sockets:  # type: ignore[union-attr]
            self._loop.remove_reader(port.fileno())
        for _ in range(20):
            await asyncio.sleep(0)
        await runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        return web.json_response(listed, status=self.models_status)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        content = body["messages"][0]["content"]
        prompt = content if isinstance(content, str) else content[0]["text"]
        key = request.headers.get("Authorization")
        kept = body if self.keep_bodies else {}
        seen = Seen(at=time.monotonic(), body=kept, prompt=prompt, authorization=key, path=request.path)
        self.seen.append(seen)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            seen.fault = self._fault(prompt)
            await self._wait(seen)
            response = await self._respond(request, seen, body)
            seen.status = response.status
            return response
        finally:
            seen.ended = time.monotonic()
            if self.gate is None:
                self.in_flight -= 1

    def _fault(self, prompt: str) -> str | None:
        self._times[prompt] += 1
        nth = self._times[prompt]
        if mark := _MARK.search(prompt):
            return mark[1] if nth <= int(mark[2] or 10**9) else None
        drawn = random.Random(f"{self.seed} {nth} {prompt}")
        return drawn.choice(list(self.faults)) if drawn.random() < self.fault_rate else None

    async def _wait(self, seen: Seen) -> None:
        if self.gate is not None:
            width, total = self.gate
            async with self._change:
                self._change.notify_all()
                await self._change.wait_for(lambda: self.in_flight >= width or len(self.seen) >= total)
                self.in_flight -= 1
        async with self._free:
            began = time.monotonic()
            nth = self._times[seen.prompt]
            seen.latency = self.latency(random.Random(f"{self.seed} {nth} latency {seen.prompt}"))
            seen.latency += self.slow_s if seen.fault == "slow" else 0.0
            if seen.latency:
                await asyncio.sleep(seen.latency)
            seen.service = began, time.monotonic()

    async def _respond(self, request: web.Request, seen: Seen, body: Mapping[str, Any]) -> web.StreamResponse:
        match seen.fault:
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "stall":
                await asyncio.sleep(3600)
            case "cut-body":
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b'{"choices": [{"message": {"content": "it goes')
                assert request.transport is not None
                request.transport.close()
                return response
            case "no-json":
                return web.Response(text="<html>upstream</html>")
            case "wrong-shape":
                return web.json_response({"result": {"text": "a dog"}})
            case "error-200":
                return web.json_response({"error": {"message": "engine overloaded", "type": "server_error"}})
            case str(status) if status.isdigit():
                error = {"message": f"told to say {status} to {seen.authorization}", "type": "test"}
                headers = {"Retry-After": self.retry_after} if status in ("429", "503") else {}
                return web.json_response({"error": error}, status=int(status), headers=headers)
        return web.json_response(self._completion(seen, body))

    def _completion(self, seen: Seen, body: Mapping[str, Any]) -> dict[str, Any]:
        text = _CONTENT[seen.fault] if seen.fault in _CONTENT else self.answer(body)
        finish = "stop"
        if seen.fault == "length":
            assert text is not None
            text, finish = text[: len(text) // 2], "length"
        message = {"role": "assistant", "content": text}
        if seen.fault == "refused-field":
            message["refusal"] = "No."
        usage = {"prompt_tokens": len(seen.prompt.split()), "completion_tokens": len((text or "").split())}
        self.tokens_in += usage["prompt_tokens"]
        self.tokens_out += usage["completion_tokens"]
        return {
            "model": self.models[0],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }
