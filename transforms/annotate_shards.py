"""Ask a recipe's questions about every surviving sample, and commit the answers chunk by chunk."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

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
from transforms.chunks import Chunk, chunk_facts, chunk_path
from transforms.process_pool import PooledDoFn
from transforms.progress import advance
from transforms.reading.images import read_images
from transforms.reply_store import ReplyStore, request_hash
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table


def sample_seed(uid: str) -> int:
    """Return the seed that a sample's requests carry: 31 bits of the hash of its uid."""
    return int.from_bytes(hashlib.sha256(uid.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1


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
            chunk.done[facts.index] = read_reply(self.recipe, self.worker, request, reply, facts)
            advance("samples")
            if len(chunk.done) == len(chunk.facts):
                self.store.flush()
                commit_table(chunk.path, annotation_table(self.recipe.fields, chunk.done.values()))
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
            sampling=self.recipe.sampling,
            seed=None if self.worker.repeatable else sample_seed(facts.uid),
            by_rule=by_rule,
        )

    def _hash(self, request: Request) -> str:
        _, facts = request.tag
        seen = facts.sha256.hex() if self._looks else None
        return request_hash(request, identity=self.config.identity(), image_sha256=seen)


def annotate_shard(
    job: ShardJob, config: RunConfig, step: AnnotateStep, worker: Worker
) -> tuple[int, Account]:
    """Commit one recipe's annotations of a shard, where they are not yet; return its order and account."""
    recipe = get_recipe(step.recipe)
    worker_config = config.workers[step.worker]
    paths: list[str] = []

    def pending() -> Iterator[Chunk]:
        for facts in chunk_facts(job, config.chunk_samples):
            path = chunk_path(job, recipe, worker_config, facts)
            paths.append(path)
            if exists(path):
                advance("samples", len(facts))
            else:
                yield Chunk(path=path, facts=facts)

    with ReplyStore(job.replies(step.recipe)) as store:
        Asking(
            job=job, input=config.input, recipe=recipe, config=worker_config, worker=worker, store=store
        ).annotate(pending())
    reasons = [reason for path in paths for reason in read_table(path, ["reason"])["reason"].to_pylist()]
    failed = (("failed", "annotate", reason) for reason in reasons if reason is not None)
    return job.shard.order, account(len(reasons), failed)


def annotate_by_rule(job: ShardJob, config: RunConfig, step: AnnotateStep) -> tuple[int, Account]:
    """Annotate a shard with a worker of this process's own, which must hold nothing."""
    return annotate_shard(job, config, step, make_worker(config.workers[step.worker]))


@dataclass(kw_only=True, eq=False)
class AnnotateShards(beam.PTransform):  # type: ignore[misc]
    """Commit one recipe's annotations of every shard.

    In: PCollection of ShardJob. Out: PCollection of (shard order, Account), one a shard.
    """

    config: RunConfig
    step: AnnotateStep

    def expand(self, jobs: beam.PCollection[ShardJob]) -> beam.PCollection[tuple[int, Account]]:
        """Lift `annotate_shard`: rules on all cores, a model in one window."""
        if self.config.workers[self.step.worker].kind == "rules":
            work = partial(annotate_by_rule, config=self.config, step=self.step)
            return jobs | beam.ParDo(PooledDoFn(work))
        return jobs | beam.ParDo(_Annotate(self.config, self.step))


class _Annotate(beam.DoFn):  # type: ignore[misc]
    def __init__(self, config: RunConfig, step: AnnotateStep) -> None:
        self._config = config
        self._step = step

    def setup(self) -> None:
        self._worker = make_worker(self._config.workers[self._step.worker])

    def teardown(self) -> None:
        self._worker.close()

    def process(self, job: ShardJob) -> Iterator[tuple[int, Account]]:
        yield annotate_shard(job, self._config, self._step, self._worker)
