"""Ask a recipe's questions about every surviving sample, and commit the answers chunk by chunk."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import apache_beam as beam

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.registry import make_worker
from recipes.base import BadReply, Recipe
from recipes.registry import get_recipe
from schemas.annotation import Annotation, Provenance
from schemas.config import AnnotateStep, InputConfig, RunConfig, WorkerConfig
from schemas.errors import RunError
from schemas.facts import Facts
from transforms.accounts import Account, account
from transforms.annotation_table import annotation_table
from transforms.fingerprint import fingerprint
from transforms.progress import advance, count
from transforms.reading.images import read_images
from transforms.reply_store import ReplyStore, request_hash
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table
from transforms.survivors import survivors


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Neighbouring samples of one shard that are committed together, and where."""

    path: str
    facts: list[Facts]
    done: list[Annotation] = field(default_factory=list)


def chunk_facts(job: ShardJob, chunk_samples: int, columns: list[str] | None = None) -> Iterator[list[Facts]]:
    """Yield a shard's surviving samples by fixed ranges of their indices."""
    for _, rows in groupby(survivors(job, columns), key=lambda facts: facts.index // chunk_samples):
        yield list(rows)


def chunk_path(job: ShardJob, recipe: Recipe, worker: WorkerConfig, facts: Sequence[Facts]) -> str:
    """Return where a recipe's annotations of a chunk lie: the name holds all that decides the answers."""
    asked = [recipe.prompt_sha256(), worker.identity(), job.facts_mark]
    mark = fingerprint("annotate", asked, [f.index for f in facts])
    return job.annotations(recipe.name, facts[0].index, mark)


def read_reply(recipe: Recipe, worker: Worker, request: Request, reply: Reply, facts: Facts) -> Annotation:
    """Return what a reply says of a sample, or why it says nothing."""
    try:
        fields = recipe.parse(reply.text, facts)
    except BadReply as error:
        return Annotation(index=facts.index, uid=facts.uid, reason=error.reason, value=error.value[:200])
    provenance = Provenance(
        recipe=recipe.name,
        worker=worker.name,
        model=reply.model,
        prompt_sha256=recipe.prompt_sha256(),
        seed=request.seed,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
    )
    return Annotation(index=facts.index, uid=facts.uid, fields=fields, provenance=provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One recipe put to one worker about one shard."""

    job: ShardJob
    input: InputConfig
    recipe: Recipe
    config: WorkerConfig
    worker: Worker
    store: ReplyStore

    def annotate(self, pending: Iterable[Chunk]) -> None:
        """Answer and commit the chunks; requests flow in one window over all of them.

        Raises:
            RunError: the worker ended without a reply to every request.
        """
        open_chunks: set[str] = set()
        for request, reply in self._answered(pending):
            chunk, facts = request.tag
            open_chunks.add(chunk.path)
            chunk.done.append(read_reply(self.recipe, self.worker, request, reply, facts))
            advance("samples")
            if len(chunk.done) == len(chunk.facts):
                self.store.flush()
                commit_table(chunk.path, annotation_table(self.recipe.fields, chunk.done))
                open_chunks.discard(chunk.path)
        if open_chunks:
            raise RunError(
                f"worker {self.worker.name!r} left requests of {len(open_chunks)} chunks without a reply"
            )

    def _answered(self, pending: Iterable[Chunk]) -> Iterator[tuple[Request, Reply]]:
        known: deque[tuple[Request, Reply]] = deque()
        for request, reply in self.worker.answer(self._unknown(pending, known)):
            if not self.worker.repeatable:
                self.store.put(self._hash(request), reply)
            while known:
                yield known.popleft()
            yield request, reply
        yield from known

    def _unknown(self, pending: Iterable[Chunk], known: deque[tuple[Request, Reply]]) -> Iterator[Request]:
        """Yield the requests to be asked; those with a kept reply go to `known` instead."""
        for chunk in pending:
            asked: list[Request] = []
            for facts in chunk.facts:
                request = self._request(chunk, facts)
                kept = None if self.worker.repeatable else self.store.get(self._hash(request))
                if kept is None:
                    asked.append(request)
                else:
                    known.append((request, kept))
            yield from self._with_images(asked) if self._looks else asked

    def _with_images(self, asked: list[Request]) -> Iterator[Request]:
        places = [(facts.offset, facts.size_bytes) for _, facts in (request.tag for request in asked)]
        images = read_images(self.job.shard, places, self.input)
        for request, image in zip(asked, images, strict=True):
            yield replace(request, image=image)

    @property
    def _looks(self) -> bool:
        return self.recipe.needs_image and self.worker.reads_images

    def _request(self, chunk: Chunk, facts: Facts) -> Request:
        def by_rule() -> str:
            return json.dumps(self.recipe.by_rule(facts), ensure_ascii=False)

        return Request(
            tag=(chunk, facts),
            prompt=self.recipe.prompt(facts) if not self.worker.repeatable else "",
            schema=self.recipe.schema,
            by_rule=by_rule,
        )

    def _hash(self, request: Request) -> str:
        _, facts = request.tag
        seen = facts.sha256.hex() if self._looks else None
        return request_hash(request, identity=self.config.identity(), image_sha256=seen)


@dataclass(kw_only=True, eq=False)
class AnnotateShards(beam.PTransform):  # type: ignore[misc]
    """Commit one recipe's annotations of every shard.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig
    step: AnnotateStep

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `Asking.annotate`."""
        return jobs | beam.ParDo(_Annotate(self.config, self.step))


class _Annotate(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig, step: AnnotateStep) -> None:
        self._config = config
        self._step = step

    def setup(self) -> None:
        self._recipe = get_recipe(self._step.recipe)
        self._worker_config = self._config.workers[self._step.worker]
        self._worker = make_worker(self._worker_config)

    def teardown(self) -> None:
        self._worker.close()

    def process(self, job: ShardJob) -> Iterator[tuple[int, Account]]:
        paths: list[str] = []
        with ReplyStore(job.replies) as store:
            asking = Asking(
                job=job,
                input=self._config.input,
                recipe=self._recipe,
                config=self._worker_config,
                worker=self._worker,
                store=store,
            )
            asking.annotate(self._pending(job, paths))
        failed = [reason for path in paths for reason in read_table(path, ["reason"])["reason"].to_pylist()]
        counted = account(len(failed), (("failed", "annotate", reason) for reason in failed if reason))
        for (_, stage, reason), number in counted.rejected.items():
            count(stage, f"failed_{reason}", number)
        yield job.shard.order, counted

    def _pending(self, job: ShardJob, paths: list[str]) -> Iterator[Chunk]:
        for facts in chunk_facts(job, self._config.chunk_samples):
            path = chunk_path(job, self._recipe, self._worker_config, facts)
            paths.append(path)
            if exists(path):
                advance("samples", len(facts))
            else:
                yield Chunk(path=path, facts=facts)
