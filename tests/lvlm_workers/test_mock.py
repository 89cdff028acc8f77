from lvlm_workers.base import Reply, Request
from lvlm_workers.mock import MockWorker


def test_text_becomes_a_reply_and_a_reply_stays_itself() -> None:
    whole = Reply(text="cut", model="m", finish_reason="length", tokens_out=3)
    worker = MockWorker(lambda request: whole if request.tag else "short")
    requests = [Request(tag=0, prompt="a"), Request(tag=1, prompt="b")]
    assert list(worker.answer(requests)) == [
        (requests[0], Reply(text="short", model="mock")),
        (requests[1], whole),
    ]
    assert worker.seen == requests


def test_replies_may_change_between_calls() -> None:
    assert not MockWorker.repeatable
    counts = iter("12")
    worker = MockWorker(lambda _: next(counts))
    request = Request(tag=0, prompt="same")
    assert [reply.text for _, reply in worker.answer([request, request])] == ["1", "2"]
