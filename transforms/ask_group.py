"""Ask about many shards in one window, so that a server is never left idle between them."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.chat_api import REFUSED_REQUEST
from schemas.config import RunConfig
from schemas.errors import RunError
from transforms.accounts import Account
from transforms.ask_shard import AskShard
from transforms.chunks import PlanChunks, step_chunks
from transforms.questions import Questions
from transforms.shard_job import ShardJob
from transforms.steps import Step


def ask_group(
    jobs: Sequence[ShardJob],
    config: RunConfig,
    step: Step,
    worker: Worker,
    plan_chunks: PlanChunks = step_chunks,
) -> Iterator[tuple[int, Account]]:
    """Commit a step's annotations of some shards, where they are not yet.

    Yield the order and the account of each shard when it is done. What a model answered badly is asked once
    more, told what was wrong, as soon as there is room. In memory is what the worker's window reaches over:
    its chunks, and the journals of its shards.

    Raises:
        RunError: the worker ended without a reply to every request.
    """
    with closing(_Group(jobs, config, Questions(step=step, worker=worker), plan_chunks)) as group:
        while (request := group.next()) is not None:
            # Once all are asked that nobody has asked yet, those that come back refused are another window.
            with closing(worker.answer(chain((request,), iter(group.next, None)))) as answers:
                for request, reply in answers:
                    group.take(request, reply)
                    yield from group.finished()
        group.release()
        yield from group.finished()
        if waiting := sum(len(shard.waiting) for shard in group.open.values()):
            raise RunError(f"worker {worker.name!r} left requests of {waiting} chunks without a reply")


class _Group:
    """Some shards, of which those in `open`, by order, have been begun and are not done."""

    def __init__(
        self, jobs: Sequence[ShardJob], config: RunConfig, questions: Questions, plan_chunks: PlanChunks
    ) -> None:
        self.open: dict[int, AskShard] = {}
        self._jobs = jobs
        self._config = config
        self._questions = questions
        self._plan_chunks = plan_chunks
        self._again: deque[Request] = deque()
        self._accounts: deque[tuple[int, Account]] = deque()
        self._is_answered = False
        self._fresh = self._ask()

    def next(self) -> Request | None:
        """Return what to ask next: first what was refused."""
        return self._again.popleft() if self._again else next(self._fresh, None)

    def take(self, request: Request, reply: Reply) -> None:
        """Note a reply."""
        shard = self.open.get(request.tag.order)
        if shard is None:
            return  # a second reply to a request of a shard that is done
        if reply.finish_reason != REFUSED_REQUEST and not self._is_answered:
            self.release()
        again = shard.take(request, reply)
        if again is not None:
            self._again.append(again)
        self._finish(shard)

    def release(self) -> None:
        """Let refused requests be committed as such."""
        self._is_answered = True
        for shard in list(self.open.values()):
            shard.release()
            self._finish(shard)

    def finished(self) -> Iterator[tuple[int, Account]]:
        """Yield the accounts of shards that are done since this was last called."""
        while self._accounts:
            yield self._accounts.popleft()

    def close(self) -> None:
        """Close whatever is open."""
        self._fresh.close()
        for shard in self.open.values():
            shard.close()

    def _ask(self) -> Generator[Request, None, None]:
        for job in self._jobs:
            shard = AskShard(job, self._config, self._questions, self._plan_chunks)
            self.open[job.shard.order] = shard
            if self._is_answered:
                shard.release()
            yield from shard.requests()
            self._finish(shard)

    def _finish(self, shard: AskShard) -> None:
        if shard.done:
            shard.close()
            self._accounts.append((shard.job.shard.order, shard.account()))
            del self.open[shard.job.shard.order]
