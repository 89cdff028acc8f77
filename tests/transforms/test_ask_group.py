"""Requests about many shards flow in one window, in whatever order replies come."""

import random
from collections.abc import Callable, Generator, Iterable
from typing import Any

import pytest

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.mock import MockWorker
from schemas.errors import RunError
from schemas.facts import Verdict
from transforms.accounts import Account
from transforms.ask_group import ask_group
from transforms.profile_shards import profile_shard
from transforms.reading import images
from transforms.reply_store import ReplyStore
from transforms.steps import plan_steps
from transforms.storage import commit_rows

Handler = Callable[[Request], Reply | str]


class Shuffled(MockWorker):
    """Answers out of order, from a window of so many requests; notes how many it held, and its windows."""

    def __init__(self, handler: Handler, window: int) -> None:
        super().__init__(handler)
        self.window = window
        self.windows = 0
        self.held: list[int] = []

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        self.windows += 1
        drawn = random.Random(self.window)
        waiting: list[tuple[Request, Reply]] = []
        for pair in super().answer(requests):
            waiting.append(pair)
            self.held.append(len(waiting))
            if len(waiting) >= self.window:
                yield waiting.pop(drawn.randrange(len(waiting)))
        yield from reversed(waiting)


@pytest.mark.parametrize("window", [2, 100])
def test_the_order_of_replies_changes_nothing(model: Any, window: int) -> None:
    expected = model.contents(model.run(MockWorker(model.answer), "whole"))
    assert model.contents(model.run(Shuffled(model.answer, window))) == expected


class Lossy(MockWorker):
    """Swallows some requests, or answers them twice."""

    def __init__(self, handler: Handler, swallowed: set[int], times: int = 0) -> None:
        super().__init__(handler)
        self.swallowed = swallowed
        self.times = times

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        for pair in super().answer(requests):
            for _ in range(self.times if len(self.seen) - 1 in self.swallowed else 1):
                yield pair


def test_a_request_without_a_reply_stops_the_run(model: Any) -> None:
    worker = Lossy(model.answer, {1, 4})
    with pytest.raises(RunError, match=r"worker 'mock' left requests of 2 chunks without a reply"):
        model.run(worker)
    again = MockWorker(model.answer)
    output = model.run(again)
    lost = {worker.seen[1].tag.facts.uid, worker.seen[4].tag.facts.uid}
    assert lost <= {request.tag.facts.uid for request in again.seen}
    assert model.counts(output)["published"] == model.samples
    assert model.contents(output) == model.contents(model.run(MockWorker(model.answer), "whole"))


def test_a_second_reply_to_a_request_that_was_refused_asks_no_third_time(model: Any) -> None:
    expected = model.contents(model.run(MockWorker(model.erring({0: ["no"]})), "whole"))
    worker = Lossy(model.erring({0: ["no"]}), {0, 3, 5}, times=2)
    assert model.contents(model.run(worker)) == expected
    assert len(worker.seen) == model.samples + 1


def test_a_second_reply_to_a_request_takes_nobodys_place(model: Any) -> None:
    expected = model.contents(model.run(MockWorker(model.answer), "whole"))
    assert model.contents(model.run(Lossy(model.answer, {0, 3}, times=2))) == expected


def test_the_window_is_not_drained_between_shards(model: Any) -> None:
    worker = Shuffled(model.answer, 4)
    model.run(worker)
    assert worker.windows == 1
    assert worker.held == [1, 2, 3, *[4] * (model.samples - 3)]


def test_what_is_refused_joins_the_window_as_it_arises(model: Any) -> None:
    worker = Shuffled(model.erring({1: ["no"], 6: ["no", "no"]}), 4)
    output = model.run(worker)
    assert worker.windows == 1
    assert worker.held == [1, 2, 3, *[4] * (model.samples + 2 - 3)]
    assert model.counts(output)["failed"] == {"annotate": {"bad_reply": 1}}
    # The very last are refused when all others are asked already: they are a window of their own.
    late = Shuffled(model.erring({8: ["no"], 9: ["no"]}), 4)
    assert model.counts(model.run(late, "late"))["published"] == model.samples
    assert late.windows == 2


@pytest.fixture
def planned(plan: Callable[..., Any]) -> Any:
    """Return (configuration, jobs, step) of the scenes with a model, measured and compared."""
    server = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "tiny"}
    steps = [{"recipe": "hqclip", "worker": "model"}]
    config, jobs = plan(workers={"model": server}, annotate=steps, chunk_samples=2)
    for job in jobs:
        profile_shard(job, config, needs_text=True)
        commit_rows(job.dedup, Verdict, [])
    return config, jobs, plan_steps(config)["hqclip"]


def test_a_shard_is_accounted_for_and_closed_as_soon_as_it_is_done(
    planned: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, jobs, step = planned
    closed: list[str] = []
    close = ReplyStore.close
    monkeypatch.setattr(ReplyStore, "close", lambda store: (closed.append(store.path), close(store)))
    worker = MockWorker(model.erring({3: ["no", "no"]}))
    accounts = ask_group(jobs, config, step, worker)
    failed = {("failed", "annotate", "bad_reply"): 1}
    assert next(accounts) == (0, Account(entered=5, rejected=failed))
    assert len(worker.seen) == 7  # with the one that told that there are no more of the shard
    assert closed == [jobs[0].replies("hqclip")]
    assert next(accounts) == (1, Account(entered=5))
    assert list(accounts) == []
    assert closed == [job.replies("hqclip") for job in jobs]

    worker = MockWorker(model.answer)
    assert [order for order, _ in ask_group(jobs, config, step, worker)] == [0, 1]
    assert worker.seen == []


def test_refusals_are_committed_once_the_server_has_answered(planned: Any, model: Any) -> None:
    config, jobs, step = planned
    seen: list[Request] = []

    def refuse(request: Request) -> Reply:
        seen.append(request)
        if len(seen) == 8:
            raise WorkerError("refuses every request")
        return Reply(text="no", model="tiny", finish_reason=REFUSED_REQUEST)

    with pytest.raises(WorkerError):
        list(ask_group(jobs, config, step, MockWorker(refuse)))
    mended = MockWorker(model.answer)
    accounts = dict(ask_group(jobs, config, step, mended))
    assert accounts == {0: Account(entered=5), 1: Account(entered=5)}
    assert len(mended.seen) == 10  # all are asked again


def test_a_server_that_answers_may_refuse(planned: Any, model: Any) -> None:
    config, jobs, step = planned

    def answer(request: Request) -> Reply | str:
        if request.tag.order == 0:
            return Reply(text="no", model="tiny", finish_reason=REFUSED_REQUEST)
        return model.answer(request)  # type: ignore[no-any-return]

    refused = {("failed", "annotate", "refused_request"): 5}
    accounts = dict(ask_group(jobs, config, step, MockWorker(answer)))
    assert accounts == {0: Account(entered=5, rejected=refused), 1: Account(entered=5)}
    again = MockWorker(model.answer)
    assert dict(ask_group(jobs, config, step, again)) == accounts
    assert again.seen == []


def test_what_breaks_off_leaves_no_journal_open(
    planned: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, jobs, step = planned
    closed: list[str] = []
    close = ReplyStore.close
    monkeypatch.setattr(ReplyStore, "close", lambda store: (closed.append(store.path), close(store)))

    def breaks(request: Request) -> Reply:
        if len(worker.seen) == 7:
            raise WorkerError("down")
        return model.answer(request)  # type: ignore[no-any-return]

    worker = Shuffled(breaks, 3)
    with pytest.raises(WorkerError, match="down"):
        list(ask_group(jobs, config, step, worker))
    assert sorted(closed) == [job.replies("hqclip") for job in jobs]


def test_a_compressed_shard_is_read_once(planned: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config, jobs, step = planned
    opened: list[str] = []

    def opening(shard: Any, config: Any) -> Any:
        opened.append(shard.name)
        return open_source(shard, config)

    open_source = images._open
    monkeypatch.setattr(images, "_open", opening)
    worker = Shuffled(model.erring({1: ["no"], 6: ["no", "no"]}), 3)  # of chunks of two
    assert len(list(ask_group(jobs, config, step, worker))) == 2
    assert len(worker.seen) == 12
    assert opened == [job.shard.name for job in jobs]
