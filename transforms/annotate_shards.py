"""Ask a recipe's questions about every surviving sample, and commit the answers chunk by chunk."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

import apache_beam as beam

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.registry import make_worker
from recipes.base import BadReply, Recipe
from recipes.faults import ask_again
from recipes.registry import get_recipe
from recipes.reply import printable
from schemas.annotation import Annotation, Provenance
from schemas.config import AnnotateStep, InputConfig, RunConfig
from schemas.errors import RunError
from schemas.facts import Facts
from schemas.workers import WorkerConfig
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

        What a model answered badly is asked once more when all else is, told what was wrong.

        Raises:
            RunError: the worker ended without a reply to every request.
        """
        waiting: dict[str, Chunk] = {}  # by path: chunks begun and not committed
        refused: dict[tuple[str, int], _Refused] = {}  # by chunk and index

        def first() -> Iterator[list[Request]]:
            for chunk in pending:
                waiting[chunk.path] = chunk
                yield [self._request(chunk, facts) for facts in chunk.facts]

        for request, reply in self._answered(first()):
            chunk, facts = request.tag
            if facts.index in chunk.done or (chunk.path, facts.index) in refused:
                continue  # a second reply to the same request
            read = self._read(request, [reply])
            if isinstance(read, BadReply) and not (
                self.worker.repeatable or reply.finish_reason == REFUSED_REQUEST
            ):
                refused[chunk.path, facts.index] = _Refused(request=_again(request, read), first=reply)
            else:
                self._settle(waiting, request, read)
        self._ask_again(refused, waiting)
        if waiting:
            raise RunError(
                f"worker {self.worker.name!r} left requests of {len(waiting)} chunks without a reply"
            )

    def _ask_again(self, refused: Mapping[tuple[str, int], "_Refused"], waiting: dict[str, Chunk]) -> None:
        """Ask the refused once more, in the shard's order; whatever comes now is final."""
        ordered = sorted((r.request for r in refused.values()), key=lambda request: request.tag[1].index)
        groups = (list(group) for _, group in groupby(ordered, key=lambda request: request.tag[0].path))
        for request, reply in self._answered(groups) if ordered else ():
            chunk, facts = request.tag
            if facts.index not in chunk.done:
                replies = [refused[chunk.path, facts.index].first, reply]
                self._settle(waiting, request, self._read(request, replies))

    def _read(self, request: Request, replies: Sequence[Reply]) -> Annotation | BadReply:
        """Return what the last reply says of a sample, or why nothing; the tokens are those of all."""
        _, facts = request.tag
        reply = replies[-1]
        if reply.finish_reason == REFUSED_REQUEST:
            return BadReply("refused_request", reply.text)
        try:
            fields = self.recipe.parse(reply.text, facts, finish_reason=reply.finish_reason)
        except BadReply as error:
            return error
        provenance = Provenance(
            recipe=self.recipe.name,
            worker=self.worker.name,
            model=reply.model,
            prompt_sha256=self.recipe.prompt_sha256(),
            seed=request.seed,
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
        )
        return Annotation(index=facts.index, uid=facts.uid, fields=fields, provenance=provenance)

    def _settle(self, waiting: dict[str, Chunk], request: Request, read: Annotation | BadReply) -> None:
        """Note what became of a sample, and commit its chunk when it was the last."""
        chunk, facts = request.tag
        if isinstance(read, BadReply):
            read = Annotation(
                index=facts.index, uid=facts.uid, reason=read.reason, value=printable(read.value)
            )
        chunk.done[facts.index] = read
        advance("samples")
        if len(chunk.done) == len(chunk.facts):
            self.store.flush()
            commit_table(chunk.path, annotation_table(self.recipe.fields, chunk.done.values()))
            del waiting[chunk.path]

    def _answered(self, groups: Iterable[list[Request]]) -> Iterator[tuple[Request, Reply]]:
        known: deque[tuple[Request, Reply]] = deque()
        with closing(self.worker.answer(self._unknown(groups, known))) as answers:
            for request, reply in answers:
                if not self.worker.repeatable:
                    key = self._hash(request)
                    if self.store.get(key) is None:
                        self.store.put(key, reply)
                while known:
                    yield known.popleft()
                yield request, reply
        yield from known

    def _unknown(
        self, groups: Iterable[list[Request]], known: deque[tuple[Request, Reply]]
    ) -> Iterator[Request]:
        """Yield the requests to be asked; those with a kept reply go to `known` instead."""
        for group in groups:
            asked: list[Request] = []
            for request in group:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A request to be put once more, and the reply that was refused."""

    request: Request
    first: Reply


def _again(request: Request, error: BadReply) -> Request:
    """Return the request with what was wrong with its reply, and another seed; its image is read again."""
    seed = None if request.seed is None else (request.seed + 1) % 2**31
    return replace(request, prompt=ask_again(request.prompt, error), seed=seed, image=None)


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

    with ReplyStore(job.replies(recipe.name)) as store:
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
