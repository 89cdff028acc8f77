"""The seam between recipes and whoever answers them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.annotation import GREEDY, Sampling
from schemas.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to a model.

    `tag` comes back with the reply and means nothing to the worker. `by_rule` is the recipe's own answer
    without a model, where it has one. `schema` is the JSON Schema the reply must fit. `on_reply` keeps the
    reply: a worker that gets replies while its caller is busy calls it, in whatever thread, as each arrives.
    """

    tag: Any
    prompt: str
    image: bytes | None = None
    schema: Mapping[str, Any] | None = None
    sampling: Sampling = GREEDY
    seed: int | None = None
    by_rule: Callable[[], str] | None = None
    on_reply: "Callable[[Reply], None] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: the text as it came, what it cost, and which server gave it (none: in this process)."""

    text: str
    model: str
    finish_reason: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    attempts: int = 1
    seconds: float = 0.0
    endpoint: str = ""


class WorkerError(RunError):
    """A worker cannot go on: the run stops, and can be resumed."""


class Worker(ABC):
    """Answers requests; `close` it at the end."""

    name: str
    """The kind of worker, as provenance names it."""

    repeatable: bool
    """Whether the same request always gets the same reply; if not, replies are kept and never asked twice."""

    reads_images: bool
    """Whether it looks at the picture; if not, no image is read for it."""

    @abstractmethod
    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply, in any order; requests are pulled as there is room for them.

        Raises:
            WorkerError: the service stays down.
        """

    def check(self) -> None:
        """Look, at no cost, whether requests could be answered; called before a stage asks any.

        Raises:
            WorkerError: they could not.
        """

    def close(self) -> None:
        """Release what the worker holds."""
