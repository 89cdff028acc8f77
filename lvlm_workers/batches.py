"""Requests in batches that a checkpoint can answer."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import torch
from PIL import Image

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.chat_client import REFUSED_FROM_START
from lvlm_workers.checkpoint import Checkpoint, Written, count_tokens
from lvlm_workers.checkpoint_files import BROKEN, one_line
from lvlm_workers.picture import UnreadablePictureError, open_picture
from schemas.workers import TransformersWorkerConfig

AHEAD = 4
"""Batches of requests that are pulled at once, to put those of similar length together."""
MAX_PICTURE_BYTES = 2**28
"""No more are pulled once their pictures take so many bytes."""

Answered = tuple[Request, Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    request: Request
    picture: Image.Image | None = None


class Batches:
    """Has a checkpoint answer requests, many at a time.

    A batch that cannot be answered whole is halved, down to one request: where memory does not suffice
    (later batches are then smaller), where the processor does not take one of the requests, and where one
    leaves less than `max_tokens` of the model's positions for its reply; that one gets what is left.
    """

    def __init__(self, checkpoint: Checkpoint, config: TransformersWorkerConfig, served: str) -> None:
        self._checkpoint = checkpoint
        self._config = config
        self._served = served
        self._size = config.batch_size
        self._refused: int | None = 0  # None once a request was answered

    def answer(self, requests: Iterable[Request]) -> Generator[Answered, None, None]:
        """Yield each request with its reply; a batch has one sampling, and pictures or none.

        Raises:
            WorkerError: the model refuses the first requests, fails, or lacks memory for one request.
        """
        source = iter(requests)
        while pulled := _pull(source, self._size * AHEAD):
            pulled.sort(key=lambda request: (_kind(request), len(request.prompt)))
            for _, group in groupby(pulled, key=_kind):
                while batch := list(islice(group, self._size)):
                    yield from self._open(batch)

    def _open(self, requests: Sequence[Request]) -> Iterator[Answered]:
        """Decode the pictures of a batch and answer it."""
        rows: list[_Row] = []
        for request in requests:
            if request.image is None:
                rows.append(_Row(request=request))
                continue
            if not self._checkpoint.reads_pictures:
                raise WorkerError(
                    f"model {self._config.model!r} reads no pictures; give this recipe a worker with an "
                    "image-text-to-text checkpoint"
                )
            try:
                picture = open_picture(request.image, self._config.image_pixels)
            except UnreadablePictureError as error:
                yield request, self._refusal(str(error))
            else:
                rows.append(_Row(request=request, picture=picture))
        if rows:
            yield from self._answer(rows)

    def _answer(self, rows: Sequence[_Row]) -> Iterator[Answered]:
        """Answer rows together or, where that cannot be, in halves."""
        try:
            replies = self._together(rows)
        except _NotTogetherError as error:
            why = str(error)
        else:
            self._refused = None
            yield from zip((row.request for row in rows), replies, strict=True)
            return
        torch.cuda.empty_cache()
        if len(rows) > 1:
            yield from self._answer(rows[: len(rows) // 2])
            yield from self._answer(rows[len(rows) // 2 :])
            return
        if self._refused is not None:
            self._refused += 1
            if self._refused >= REFUSED_FROM_START:
                first = f"none of the first {self._refused} requests ({why})"
                raise WorkerError(f"model {self._config.model!r} answers {first}")
        yield rows[0].request, self._refusal(why)

    def _together(self, rows: Sequence[_Row]) -> list[Reply]:
        started = time.monotonic()
        model = self._config.model
        try:
            counts, written = self._write(rows)
        except torch.OutOfMemoryError as error:
            if len(rows) == 1:
                raise WorkerError(
                    f"model {model!r}: the memory of the GPU does not suffice for one request; lower "
                    "image_pixels, set dtype to bfloat16, or name a smaller model"
                ) from error
            self._size = len(rows) // 2
            raise _NotTogetherError("out of memory") from None
        except RuntimeError as error:  # of a GPU: it would fail from now on
            raise WorkerError(f"model {model!r} failed ({one_line(error)}); run again to resume") from error
        except BROKEN as error:
            raise _NotTogetherError(one_line(error)) from error
        seconds = (time.monotonic() - started) / len(rows)
        return [
            Reply(
                text=one.text,
                model=self._served,
                finish_reason=one.finish_reason,
                tokens_in=count,
                tokens_out=one.tokens_out,
                seconds=seconds,
            )
            for count, one in zip(counts, written, strict=True)
        ]

    def _write(self, rows: Sequence[_Row]) -> tuple[list[int], list[Written]]:
        sampling = rows[0].request.sampling
        pictures = [row.picture for row in rows if row.picture is not None]
        inputs = self._checkpoint.read([row.request.prompt for row in rows], pictures)
        counts = count_tokens(inputs)
        room = self._checkpoint.room(max(counts))
        if room < (1 if len(rows) == 1 else sampling.max_tokens):
            raise _NotTogetherError(f"the prompt has {max(counts)} tokens, more than the model takes")
        seeds = [row.request.seed or 0 for row in rows]
        limit = min(room, sampling.max_tokens)
        return counts, self._checkpoint.write(inputs, sampling, seeds, max_tokens=limit)

    def _refusal(self, why: str) -> Reply:
        return Reply(text=why, model=self._served, finish_reason=REFUSED_REQUEST, attempts=0)


class _NotTogetherError(Exception):
    """Rows cannot be answered in one batch; of a single one, why not at all."""


def _pull(source: Iterator[Request], count: int) -> list[Request]:
    pulled: list[Request] = []
    room = MAX_PICTURE_BYTES
    while room > 0 and len(pulled) < count and (request := next(source, None)) is not None:
        pulled.append(request)
        room -= len(request.image or b"")
    return pulled


def _kind(request: Request) -> tuple[float, float, int, bool]:
    sampling = request.sampling
    return sampling.temperature, sampling.top_p, sampling.max_tokens, request.image is not None
