"""What a model says is trusted only as far as it fits, and it is asked once more where it does not."""

import json
from collections import Counter
from collections.abc import Generator, Iterable
from threading import Thread
from typing import Any

import pytest

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.mock import MockWorker
from recipes.faults import FAULTS
from schemas.errors import RunError
from transforms.reply_store import read_replies

LOOP = json.dumps({"long_positive": ["a dog and " * 9]})[:-20]


def test_replies_refused_twice_become_rejected_rows_and_are_published_by_nobody(model: Any) -> None:
    erring = model.erring(
        {2: ["no JSON", "I cannot say."], 5: ["", ""], 6: [LOOP, '{"long_positive": ["a"]}']}
    )
    worker = MockWorker(erring)
    output = model.run(worker)
    assert model.counts(output) == {
        "in": model.samples,
        "published": model.samples - 3,
        "dropped": {},
        "failed": {"annotate": {"bad_reply": 1, "empty_reply": 1, "refusal": 1}},
    }
    rows = model.rejected(output)
    assert {row["uid"]: row["reason"] for row in rows} == {
        erring.uids[2]: "refusal",
        erring.uids[5]: "empty_reply",
        erring.uids[6]: "bad_reply",
    }
    assert {(row["stage"], row["kind"]) for row in rows} == {("annotate", "failed")}
    assert [row["value"] for row in rows if row["uid"] == erring.uids[2]] == ["I cannot say."]
    assert {record["uid"] for record in model.records(output)} == set(erring.uids) - {
        row["uid"] for row in rows
    }
    assert erring.attempts == Counter({uid: 2 if n in (2, 5, 6) else 1 for n, uid in enumerate(erring.uids)})


def test_a_refused_reply_is_asked_for_once_more_and_told_what_was_wrong(model: Any) -> None:
    cut = Reply(
        text='{"long_positive": ["Ignore all',
        model="tiny",
        finish_reason="length",
        tokens_in=70,
        tokens_out=50,
    )
    erring = model.erring({1: ["I'm sorry, but I can't help with that."], 3: [cut]})
    worker = MockWorker(erring)
    output = model.run(worker)
    # As soon as there is room: this worker has room for one.
    asked_about = [erring.uids.index(request.tag.facts.uid) for request in worker.seen]
    assert asked_about == [0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9]
    for first, second, reason in ((1, 2, "refusal"), (4, 5, "cut_reply")):
        before, again = worker.seen[first], worker.seen[second]
        assert again.prompt.startswith(before.prompt + "\n\n")
        added = again.prompt.removeprefix(before.prompt)
        assert FAULTS[reason] in added
        assert "sorry" not in added
        assert "Ignore" not in added
        assert again.seed == (before.seed or 0) + 1
        assert again.image == before.image is not None
        assert (again.schema, again.sampling) == (before.schema, before.sampling)
    written = {record["uid"]: record["provenance"]["long_positive"] for record in model.records(output)}
    assert len(written) == model.samples
    costs = {uid: (one["tokens_in"], one["tokens_out"]) for uid, one in written.items()}
    assert [costs[uid] for uid in erring.uids[:5]] == [(7, 5), (7, 5), (7, 5), (77, 55), (7, 5)]
    assert written[erring.uids[3]]["seed"] is None  # greedy
    assert written[erring.uids[2]]["seed"] is None


def test_a_request_that_the_server_refused_is_not_repeated(model: Any) -> None:
    refused = Reply(text="400: image\x00 too large", model="tiny", finish_reason="refused_request")
    erring = model.erring({4: [refused], 7: ["no JSON", refused]})
    output = model.run(MockWorker(erring))
    assert [erring.attempts[erring.uids[n]] for n in (4, 7, 8)] == [1, 2, 1]
    assert {row["uid"]: (row["reason"], row["value"]) for row in model.rejected(output)} == {
        erring.uids[n]: ("refused_request", "400: image? too large") for n in (4, 7)
    }


def test_chunks_without_a_refused_reply_do_not_wait_for_the_others(model: Any) -> None:
    committed: list[int] = []

    def watching(request: Request) -> Reply | str:
        if "refused" in request.prompt:
            committed.append(len(list((model.folder / "out" / "work" / "annotations").rglob("*.parquet"))))
        return erring(request)

    erring = model.erring({1: [""], 9: [""]})
    model.run(MockWorker(watching))
    assert committed == [0, 3]  # of two chunks a shard


@pytest.mark.parametrize("after", [1, 4, 5, 8])
def test_a_service_that_goes_down_while_asking_again_is_asked_only_the_rest(model: Any, after: int) -> None:
    bad: dict[int, list[str | Reply]] = {n: ["no", "no"] if n == 2 else ["no"] for n in range(4)}
    erring = model.erring(bad)

    def breaks(request: Request) -> Reply | str:
        if len(down.seen) > after:
            raise WorkerError("http://127.0.0.1:8000 is down; start it and run again")
        return erring(request)

    down, up = MockWorker(breaks), MockWorker(erring)
    with pytest.raises(RunError, match="is down"):
        model.run(down)
    down.seen.pop()
    output = model.run(up)
    assert len(up.seen) == model.samples + len(bad) - after
    both = model.asked(down) + model.asked(up)
    assert both == Counter(dict.fromkeys(both, 1))
    assert [row["uid"] for row in model.rejected(output)] == [erring.uids[2]]
    assert model.contents(output) == model.contents(model.run(MockWorker(model.erring(bad)), "whole"))


def test_kept_replies_are_read_again_without_asking(model: Any) -> None:
    before = model.contents(model.run(MockWorker(model.erring({1: [""], 2: ["", "no"]}))))
    for path in (model.folder / "out" / "work" / "annotations").rglob("*.parquet"):
        path.unlink()
    again = MockWorker(model.answer)
    assert model.contents(model.run(again)) == before
    assert again.seen == []


def test_what_always_gets_the_same_reply_is_asked_once(model: Any) -> None:
    worker = MockWorker(model.erring({1: ["", ""]}))
    worker.repeatable = True
    assert model.counts(model.run(worker))["failed"] == {"annotate": {"empty_reply": 1}}
    assert len(worker.seen) == model.samples


def test_what_no_model_wrote_is_not_kept(model: Any) -> None:
    refused = Reply(text="400: too large", model="tiny", finish_reason="refused_request")
    output = model.run(MockWorker(model.erring({4: [refused], 7: ["no JSON", refused]})))
    replies = [
        reply
        for path in sorted((output / "work" / "replies" / "hqclip").iterdir())
        for _, reply in read_replies(str(path))
    ]
    assert len(replies) == model.samples - 1  # all but 4's, the first of 7's with them
    assert [reply.text for reply in replies if reply.finish_reason != "stop" or reply.tokens_in != 7] == [
        "no JSON"
    ]


class Eager(MockWorker):
    """Gets its replies while its caller is busy, and is then killed with them."""

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        for request in requests:
            self.seen.append(request)
            assert request.on_reply is not None
            thread = Thread(target=request.on_reply, args=(self.handler(request),))
            thread.start()
            thread.join()
        raise WorkerError("down")
        yield


def test_a_reply_is_kept_as_it_arrives_however_busy_the_caller_is(model: Any) -> None:
    bad = Reply(text="no", model="tiny")
    first, second = Eager(model.erring({3: [bad]})), MockWorker(model.answer)
    with pytest.raises(RunError, match="down"):
        model.run(first)
    assert len(first.seen) == model.samples
    model.run(second)
    assert [request.prompt.count("refused:") for request in second.seen] == [1]
