"""Requests for phrases in pictures, in batches that an OWLv2 can answer."""

import json
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.halving import Halving, pull
from lvlm_workers.in_process import served_model
from lvlm_workers.owlv2_checkpoint import Owlv2Checkpoint
from lvlm_workers.picture import UnreadablePictureError, shrink_picture
from schemas.regions import Region
from schemas.workers import Owlv2WorkerConfig

_THREADS = min(4, os.cpu_count() or 1)
"""That decode pictures; a GPU is done with one in the time of a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    request: Request
    phrases: Sequence[str]
    picture: Future[Image.Image] | None  # none where nothing is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    request: Request
    phrases: Sequence[str]
    picture: Image.Image


class Owlv2Batches:
    """Has an OWLv2, loaded when it is first needed, answer requests, `batch_size` at a time."""

    def __init__(self, config: Owlv2WorkerConfig) -> None:
        self._config = config
        self._served = served_model(config)
        self._loaded: Owlv2Checkpoint | None = None
        self._halving = Halving(
            self._write,
            model=config.model,
            served=self._served,
            size=config.batch_size,
            mend="set dtype to bfloat16, or name a smaller model",
        )

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply; the next batch is pulled and decoded before one is answered.

        Raises:
            WorkerError: the checkpoint cannot be loaded, fails, answers none of the first requests, or lacks
                memory for one; or a request holds no phrases, or no picture.
        """
        source = iter(requests)
        with ThreadPoolExecutor(_THREADS) as pool:
            asked = self._open(pull(source, self._halving.size), pool)
            while asked:
                following = self._open(pull(source, self._halving.size), pool)
                yield from self._answer(asked)
                asked = following

    def _open(self, requests: Sequence[Request], pool: ThreadPoolExecutor) -> list[_Asked]:
        """Begin to decode the pictures in which something is looked for."""
        return [self._open_one(request, pool) for request in requests]

    def _open_one(self, request: Request, pool: ThreadPoolExecutor) -> _Asked:
        phrases = read_phrases(request.prompt)
        if not phrases:
            return _Asked(request=request, phrases=phrases, picture=None)
        if request.image is None:
            raise WorkerError(
                f"request {request.tag!r} has no picture to look for phrases in; mend the recipe"
            )
        picture = pool.submit(shrink_picture, request.image, self._checkpoint.max_pixels)
        return _Asked(request=request, phrases=phrases, picture=picture)

    def _answer(self, asked: Sequence[_Asked]) -> Iterator[tuple[Request, Reply]]:
        rows: list[_Row] = []
        for one in asked:
            if one.picture is None:
                yield one.request, self._reply([])
                continue
            try:
                picture = one.picture.result()
            except UnreadablePictureError as error:
                yield one.request, self._halving.refusal(str(error))
            else:
                rows.append(_Row(request=one.request, phrases=one.phrases, picture=picture))
        if rows:
            yield from ((row.request, reply) for row, reply in self._halving.answer(rows))

    def _write(self, rows: Sequence[_Row]) -> list[Reply]:
        found = self._checkpoint.detect([row.picture for row in rows], [row.phrases for row in rows])
        return [self._reply(regions) for regions in found]

    def _reply(self, regions: Sequence[Region]) -> Reply:
        found = [
            {"box": list(region.box), "phrase": region.phrase, "score": region.score} for region in regions
        ]
        return Reply(text=json.dumps({"regions": found}, ensure_ascii=False), model=self._served)

    @property
    def _checkpoint(self) -> Owlv2Checkpoint:
        if self._loaded is None:
            self._loaded = Owlv2Checkpoint(self._config)
        return self._loaded


def read_phrases(prompt: str) -> list[str]:
    """Return the phrases of a detector's prompt, each once.

    >>> read_phrases('{"phrases": ["a red fox", "a barn", "a red fox"]}')
    ['a red fox', 'a barn']

    Raises:
        WorkerError: it holds none, as those of recipes for models that write do not.
    """
    try:
        asked = json.loads(prompt)
    except (ValueError, RecursionError):
        asked = None
    phrases = asked.get("phrases") if isinstance(asked, dict) else None
    if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
        raise WorkerError(
            f"a detector is asked {prompt!r:.60}, which is no object of phrases; "
            "give this recipe a worker with a model that writes"
        )
    return list(dict.fromkeys(phrases))
