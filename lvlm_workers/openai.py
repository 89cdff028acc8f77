"""Servers that speak OpenAI's chat API, kept busy through one sliding window."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Iterable
from contextlib import asynccontextmanager

import yarl

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST, write_body
from lvlm_workers.chat_client import ChatClient, Question
from lvlm_workers.in_flight import answer_in_flight
from lvlm_workers.model_list import check_models
from lvlm_workers.pacing import Pace
from lvlm_workers.picture import UnreadablePictureError, reduce_picture
from lvlm_workers.service import Service
from lvlm_workers.window import Work
from schemas.errors import ConfigError
from schemas.workers import OpenAIWorkerConfig

_CHARS_A_TOKEN = 4
_PIXELS_A_TOKEN = 28 * 28


class OpenAIWorker(Worker):
    """Asks a vLLM, SGLang or other server of OpenAI's chat API, or many of the same model.

    A reply with finish reason `refused_request` was written by no model (see `lvlm_workers.chat_api`).

    Raises:
        ConfigError: a URL is none, or the key's environment variable is not set.
    """

    name = "openai"
    repeatable = False
    reads_images = True

    def __init__(self, config: OpenAIWorkerConfig, pace: Pace | None = None) -> None:
        for url in config.base_urls:
            _check_url(url)
        self._config = config
        self._service = Service(config, _read_key(config.api_key_env), pace or Pace())

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in the order of the replies.

        At most `in_flight` are with the servers, and some more pulled and prepared (see
        `lvlm_workers.in_flight`); a request waiting to be tried again leaves its place to another.

        Raises:
            WorkerError: no server answers, or the URL, key or model is wrong; what is in flight is dropped.
        """
        yield from answer_in_flight(requests, self._prepare, self._open, self._config.in_flight)

    def check(self) -> None:
        """Ask each server which models it has, which costs nothing.

        A server without such a list passes, and so does one that is down while another is up.

        Raises:
            WorkerError: none answers, one refuses us, or one does not have the model.
        """
        asyncio.run(check_models(self._service))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Work[Question | Reply, Reply]]:
        async with self._service.session(self._config.timeout_s) as session:
            client = ChatClient(self._service, session)

            async def work(prepared: Question | Reply) -> Reply:
                return prepared if isinstance(prepared, Reply) else await client.ask(prepared)

            yield work

    def _prepare(self, request: Request) -> Question | Reply:
        tokens = len(request.prompt) / _CHARS_A_TOKEN + request.sampling.max_tokens
        jpeg = None
        if request.image is not None:
            tokens += self._config.image_pixels / _PIXELS_A_TOKEN
            try:
                jpeg = reduce_picture(request.image, self._config.image_pixels)
            except UnreadablePictureError as error:
                model = self._service.served_model()
                return Reply(text=str(error), model=model, finish_reason=REFUSED_REQUEST, attempts=0)
        body = write_body(request, model=self._config.model, jpeg=jpeg, send_seed=self._config.send_seed)
        return Question(body=body, tokens=tokens)


def _check_url(url: str) -> None:
    try:
        parsed = yarl.URL(url)
        right = parsed.scheme in ("http", "https") and bool(parsed.host)
        right = right and not (parsed.query_string or parsed.fragment)
    except ValueError:
        right = False
    if not right:
        raise ConfigError(f"base_urls: {url!r} is no URL; write it like http://127.0.0.1:8000/v1")


def _read_key(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not variable.isidentifier():
        raise ConfigError("api_key_env: this is no name of an environment variable; name it, not the key")
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(f"api_key_env: the environment variable {variable!r} is not set; set it to the key")
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"api_key_env: the value of {variable!r} holds characters that no key has")
    return key
