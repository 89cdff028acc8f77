"""Requests that a model answers together where it can."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import torch

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.chat_client import REFUSED_FROM_START
from lvlm_workers.checkpoint_files import BROKEN, one_line
from lvlm_workers.in_flight import MAX_PICTURE_BYTES

Row = TypeVar("Row")


class NotTogetherError(Exception):
    """Rows cannot be answered in one batch; of a single one, why not at all."""


class Halving(Generic[Row]):
    """Answers rows, at most `size` at a time; `served` is the model as provenance names it.

    A batch that cannot be answered whole is halved, down to one row: where memory does not suffice (`size` is
    then smaller for good), or where `write` raises anything else of `BROKEN` or `NotTogetherError`.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Row]], Sequence[Reply]],
        *,
        model: str,
        served: str,
        size: int,
        mend: str,
    ) -> None:
        self.size = size
        self._write = write
        self._model = model
        self._served = served
        self._mend = mend
        self._refused: int | None = 0  # None once a row was answered

    def answer(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Reply]]:
        """Yield each row of a batch with its reply; `seconds` is a reply's share of its batch.

        Raises:
            WorkerError: the model refuses the first rows, fails, or lacks memory for one row.
        """
        try:
            replies = self._together(rows)
        except NotTogetherError as error:
            why = str(error)
        else:
            self._refused = None
            yield from zip(rows, replies, strict=True)
            return
        torch.cuda.empty_cache()
        if len(rows) > 1:
            yield from self.answer(rows[: len(rows) // 2])
            yield from self.answer(rows[len(rows) // 2 :])
            return
        if self._refused is not None:
            self._refused += 1
            if self._refused >= REFUSED_FROM_START:
                first = f"none of the first {self._refused} requests ({why})"
                raise WorkerError(f"model {self._model!r} answers {first}")
        yield rows[0], self.refusal(why)

    def refusal(self, why: str) -> Reply:
        """Return the reply to a request that no model answers."""
        return Reply(text=why, model=self._served, finish_reason=REFUSED_REQUEST, attempts=0)

    def _together(self, rows: Sequence[Row]) -> list[Reply]:
        started = time.monotonic()
        try:
            replies = self._write(rows)
        except torch.OutOfMemoryError as error:
            if len(rows) == 1:
                raise WorkerError(
                    f"model {self._model!r}: the memory of the GPU does not suffice for one request; "
                    f"{self._mend}"
                ) from error
            self.size = len(rows) // 2
            raise NotTogetherError("out of memory") from None
        except RuntimeError as error:  # of a GPU: it would fail from now on
            raise WorkerError(
                f"model {self._model!r} failed ({one_line(error)}); run again to resume"
            ) from error
        except BROKEN as error:
            raise NotTogetherError(one_line(error)) from error
        seconds = (time.monotonic() - started) / len(rows)
        return [replace(reply, seconds=seconds) for reply in replies]


def pull(source: Iterator[Request], count: int) -> list[Request]:
    """Return the next requests: so many, or fewer where their pictures are large."""
    pulled: list[Request] = []
    room = MAX_PICTURE_BYTES
    while room > 0 and len(pulled) < count and (request := next(source, None)) is not None:
        pulled.append(request)
        room -= len(request.image or b"")
    return pulled
