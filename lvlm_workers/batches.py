"""Requests in batches that a checkpoint can answer."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from PIL import Image

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.checkpoint import Checkpoint, count_tokens
from lvlm_workers.halving import Halving, NotTogetherError, pull
from lvlm_workers.picture import UnreadablePictureError, open_picture
from schemas.workers import TransformersWorkerConfig

AHEAD = 4
"""Batches of requests that are pulled at once, to put those of similar length together."""

Answered = tuple[Request, Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    request: Request
    picture: Image.Image | None = None


class Batches:
    """Has a checkpoint answer requests, many at a time.

    A batch that cannot be answered whole is halved (see `lvlm_workers.halving`), also where one request
    leaves less than `max_tokens` of the model's positions for its reply; that one gets what is left.
    """

    def __init__(self, checkpoint: Checkpoint, config: TransformersWorkerConfig, served: str) -> None:
        self._checkpoint = checkpoint
        self._config = config
        self._served = served
        self._halving = Halving(
            self._write,
            model=config.model,
            served=served,
            size=config.batch_size,
            mend="lower image_pixels, set dtype to bfloat16, or name a smaller model",
        )

    def answer(self, requests: Iterable[Request]) -> Generator[Answered, None, None]:
        """Yield each request with its reply; a batch has one sampling, and pictures or none.

        Raises:
            WorkerError: the model refuses the first requests, fails, or lacks memory for one request.
        """
        source = iter(requests)
        while pulled := pull(source, self._halving.size * AHEAD):
            pulled.sort(key=lambda request: (_kind(request), len(request.prompt)))
            for _, group in groupby(pulled, key=_kind):
                while batch := list(islice(group, self._halving.size)):
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
                yield request, self._halving.refusal(str(error))
            else:
                rows.append(_Row(request=request, picture=picture))
        if rows:
            yield from ((row.request, reply) for row, reply in self._halving.answer(rows))

    def _write(self, rows: Sequence[_Row]) -> list[Reply]:
        sampling = rows[0].request.sampling
        pictures = [row.picture for row in rows if row.picture is not None]
        inputs = self._checkpoint.read([row.request.prompt for row in rows], pictures)
        counts = count_tokens(inputs)
        room = self._checkpoint.room(max(counts))
        if room < (1 if len(rows) == 1 else sampling.max_tokens):
            raise NotTogetherError(f"the prompt has {max(counts)} tokens, more than the model takes")
        seeds = [row.request.seed or 0 for row in rows]
        limit = min(room, sampling.max_tokens)
        written = self._checkpoint.write(inputs, sampling, seeds, max_tokens=limit)
        return [
            Reply(
                text=one.text,
                model=self._served,
                finish_reason=one.finish_reason,
                tokens_in=count,
                tokens_out=one.tokens_out,
            )
            for count, one in zip(counts, written, strict=True)
        ]


def _kind(request: Request) -> tuple[float, float, int, bool]:
    sampling = request.sampling
    return sampling.temperature, sampling.top_p, sampling.max_tokens, request.image is not None
