"""One shard while its samples are asked about: its journal, its pictures, its chunks to be committed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from lvlm_workers.base import Reply, Request
from recipes.base import BadReply
from schemas.annotation import Annotation
from schemas.config import RunConfig
from schemas.facts import Facts
from transforms.accounts import Account, account
from transforms.annotation_table import annotation_table
from transforms.chunks import Chunk, PlanChunks
from transforms.progress import advance
from transforms.questions import Questions
from transforms.reading.images import ImageReader
from transforms.reply_store import ReplyStore
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What comes back with a reply: the sample that it is about, and the refused reply that came before."""

    order: int  # of the shard
    chunk: Chunk
    facts: Facts
    key: str
    first: Reply | None = None


class AskShard:
    """The requests about one shard, and what becomes of their replies; `close` it at the end.

    Everything is called in one thread but `on_reply` of the requests.
    """

    def __init__(
        self, job: ShardJob, config: RunConfig, questions: Questions, plan_chunks: PlanChunks
    ) -> None:
        self.job = job
        self.waiting: dict[str, Chunk] = {}  # by path: chunks begun and not committed
        self._config = config
        self._questions = questions
        self._plan_chunks = plan_chunks
        self._paths: list[str] = []
        self._held: list[Chunk] = []
        self._is_answered = False
        self._all_read = False
        self._journal: ReplyStore | None = None

    @property
    def done(self) -> bool:
        """Whether every chunk is committed."""
        return self._all_read and not self.waiting

    def requests(self) -> Iterator[Request]:
        """Yield what is to be asked, in order and with pictures; what is known already is committed."""
        with closing(ImageReader(self.job.shard, self._config.input)) as images:
            for chunk in self._pending():
                for facts in chunk.facts:
                    if (known := self._questions.known(facts)) is not None:
                        self._settle(chunk, known)
                        continue
                    request = self._next(self._tag(self._questions.ask(facts), chunk, facts))
                    if request is not None and self._questions.looks:
                        image = images.read(facts.offset, facts.size_bytes)
                        yield replace(request, image=image)
                    elif request is not None:
                        yield request
        self._all_read = True

    def take(self, request: Request, reply: Reply) -> Request | None:
        """Note a reply; return the request to put once more where it was refused."""
        again = self._take(request, reply)
        return self._next(again) if again is not None else None

    def release(self) -> None:
        """Commit what waits for a server that has only refused so far: it has answered, or all are asked.

        A server that refuses every request stops the run before, and is then asked again once it is mended.
        """
        self._is_answered = True
        held, self._held = self._held, []
        for chunk in held:
            self._commit_if_whole(chunk)

    def close(self) -> None:
        """Close the journal; pack it once it is whole."""
        if self._journal is not None:
            if self.done:
                self._journal.pack()
            self._journal.close()

    def account(self) -> Account:
        """Return what became of the shard's samples."""
        reasons = [r for path in self._paths for r in read_table(path, ["reason"])["reason"].to_pylist()]
        return account(len(reasons), (("failed", "annotate", r) for r in reasons if r is not None))

    def _pending(self) -> Iterator[Chunk]:
        for planned in self._plan_chunks(self.job, self._config, self._questions.step):
            self._paths.append(planned.path)
            if exists(planned.path):
                advance("samples", planned.samples)
                continue
            chunk = planned.open()
            self.waiting[chunk.path] = chunk
            advance("samples", len(chunk.done))
            self._commit_if_whole(chunk)
            yield chunk

    def _tag(self, request: Request, chunk: Chunk, facts: Facts, first: Reply | None = None) -> Request:
        if self._questions.worker.repeatable:
            ticket = Ticket(order=self.job.shard.order, chunk=chunk, facts=facts, key="", first=first)
            return replace(request, tag=ticket)
        key = self._questions.key(request, facts)
        ticket = Ticket(order=self.job.shard.order, chunk=chunk, facts=facts, key=key, first=first)
        return replace(request, tag=ticket, on_reply=partial(self._keep, key))

    def _next(self, request: Request) -> Request | None:
        """Return what there is to ask after the replies that are kept; None where they say all."""
        following: Request | None = request
        while following is not None and (kept := self._known(following)) is not None:
            following = self._take(following, kept)
        return following

    def _known(self, request: Request) -> Reply | None:
        return None if self._questions.worker.repeatable else self._store.get(request.tag.key)

    @property
    def _store(self) -> ReplyStore:
        if self._journal is None:
            self._journal = ReplyStore(self.job.replies(self._questions.step.recipe.name))
        return self._journal

    def _keep(self, key: str, reply: Reply) -> None:
        """Keep a reply that a model wrote; called in the worker's thread."""
        if self._questions.is_drawn(reply):
            self._store.put(key, reply)

    def _take(self, request: Request, reply: Reply) -> Request | None:
        ticket: Ticket = request.tag
        chunk, facts = ticket.chunk, ticket.facts
        if facts.index in chunk.done or (ticket.first is None and facts.index in chunk.again):
            return None  # a second reply to the same request
        if self._questions.is_drawn(reply):
            self._store.put(ticket.key, reply)  # unless `on_reply` did
            self._store.flush_if_due()
        replies = (reply,) if ticket.first is None else (ticket.first, reply)
        read = self._questions.read(facts, request.seed, *replies)
        if isinstance(read, BadReply) and ticket.first is None and self._questions.may_mend(reply):
            chunk.again.add(facts.index)
            return self._tag(self._questions.ask_again(request, read), chunk, facts, reply)
        if isinstance(read, BadReply):
            if read.reason == "refused_request":
                chunk.refused.add(facts.index)
            read = self._questions.give_up(facts, read, *replies)
        self._settle(chunk, read)
        return None

    def _settle(self, chunk: Chunk, annotation: Annotation) -> None:
        chunk.done[annotation.index] = annotation
        advance("samples")
        self._commit_if_whole(chunk)

    def _commit_if_whole(self, chunk: Chunk) -> None:
        """Commit a chunk after its last sample, and its replies before it."""
        if chunk.whole and chunk.refused and not self._is_answered:
            self._held.append(chunk)
        elif chunk.whole:
            if self._journal is not None:
                self._journal.flush()
            table = annotation_table(self._questions.step.recipe.fields, chunk.done.values())
            commit_table(chunk.path, table)
            del self.waiting[chunk.path]
