"""The servers of one configuration, and how they are spoken to."""

import aiohttp

from lvlm_workers.base import WorkerError
from lvlm_workers.chat_api import MAX_BODY_BYTES, TryAgainError
from lvlm_workers.endpoints import Endpoints
from lvlm_workers.pacing import Pace, RateLimit
from schemas.workers import OpenAIWorkerConfig

CONNECT_S = 10.0
"""Within which a server must take a connection."""
IDLE_S = 4.0
"""After which an unused connection is closed: uvicorn, under vLLM and its like, closes it after 5 s."""

_MIN_SECRET_CHARS = 16


class Service:
    """The servers of a configuration, how they do, and what was spent of the limits."""

    def __init__(self, config: OpenAIWorkerConfig, key: str | None, pace: Pace) -> None:
        self.config = config
        self._key = key
        # Short keys are placeholders, such as EMPTY, and no secret.
        self._secret = key if key and len(key) >= _MIN_SECRET_CHARS else None
        self.pace = pace
        self.endpoints = Endpoints([url.rstrip("/") for url in config.base_urls], pace)
        self.requests = RateLimit(config.requests_per_minute)
        self.tokens = RateLimit(config.tokens_per_minute)
        self.refused: int | None = 0
        """Requests refused before any was answered; None once one was."""

    def session(self, timeout_s: float) -> aiohttp.ClientSession:
        """Return a session that sends the key, holds no cookies and reads no settings from outside."""
        headers = {"User-Agent": "pairwright", "Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s)),
        )

    def hide(self, text: str) -> str:
        """Return the text without the key."""
        return text.replace(self._secret, "[key]") if self._secret else text

    async def read(self, response: aiohttp.ClientResponse) -> bytes:
        """Return a whole body without the key, which some servers repeat.

        Raises:
            TryAgainError: it is longer than any answer is.
        """
        data = bytearray()
        async for part in response.content.iter_chunked(2**16):
            data += part
            if len(data) > MAX_BODY_BYTES:
                raise TryAgainError(f"the answer is longer than {MAX_BODY_BYTES} bytes")
        return bytes(data).replace(self._secret.encode(), b"[key]") if self._secret else bytes(data)

    def misconfigured(self, url: str, what: str) -> WorkerError:
        """Return the error that names the server, what it says, and the settings to mend."""
        named = self.config.api_key_env
        key = f"the key in ${named}" if named else "api_key_env (none is set)"
        return WorkerError(
            f"{url}: {self.hide(what)}; check base_urls, model {self.config.model!r} and {key}, "
            "and run again to resume"
        )

    def served_model(self, named: str = "") -> str:
        """Return the model as the server names it, with the revision that the configuration gives."""
        name = self.hide(named) or self.config.model
        return f"{name}@{self.config.revision}" if self.config.revision else name


def explain_connection(error: Exception, timeout_s: float) -> str:
    """Return in a few words, without addresses, why there was no whole answer."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection within {min(CONNECT_S, timeout_s):g} s"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = getattr(error, "os_error", error)  # errors of certificates have none
        return f"no connection ({cause.strerror or type(cause).__name__})"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "an answer that is cut off"
    return f"a broken connection ({type(error).__name__})"
