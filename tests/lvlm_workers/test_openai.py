"""What servers are asked and how fast, and how their replies come back."""

import gc
import threading
import time
from collections.abc import Iterator
from types import ModuleType

import pytest

from lvlm_workers.base import Reply, Request
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.registry import make_worker
from recipes.laclip import LaClip
from schemas.annotation import Sampling
from schemas.errors import ConfigError
from schemas.workers import OpenAIWorkerConfig
from tests.lvlm_workers.asking import by_tag
from tests.lvlm_workers.server_asking import Serve, Work, ask, only


def test_what_is_posted_and_what_comes_back(serve: Serve, work: Work, openai_server: ModuleType) -> None:
    server = serve()
    request = Request(
        tag="t", prompt="a b c", schema=LaClip.schema, sampling=Sampling(temperature=0.9, top_p=0.5), seed=7
    )
    ((back, reply),) = work(server, revision="r1").answer([request])
    body = server.seen[0].body
    assert body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "a b c"}],
        "temperature": 0.9,
        "top_p": 0.5,
        "max_tokens": 512,
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": LaClip.schema},
        },
    }
    assert back is request
    assert reply == Reply(
        text=openai_server.json_answer(body),
        model="tiny@r1",
        finish_reason="stop",
        tokens_in=3,
        tokens_out=len(reply.text.split()),
        attempts=1,
        seconds=reply.seconds,
        endpoint=server.url,
    )
    assert server.seen[0].authorization is None
    assert server.seen[0].path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("fault", "text", "finish"),
    [
        ("empty", "", "stop"),
        ("null", "", "stop"),
        ("refusal", "I'm sorry, but I can't help with that.", "stop"),
        ("refused-field", "No.", "refusal"),
        ("control", '{"rewrites": ["a\x00b\x1b[0m\x07"]}', "stop"),
        ("prose", "Sure! The image shows a dog.", "stop"),
        ("wrong-fields", '{"answer": 42}', "stop"),
    ],
)
def test_poor_replies_are_replies(serve: Serve, work: Work, fault: str, text: str, finish: str) -> None:
    reply = only(work(serve()), f"[[{fault}]]")
    assert (reply.text, reply.finish_reason, reply.attempts, reply.model) == (text, finish, 1, "tiny")


def test_a_reply_that_is_cut_off_says_so(serve: Serve, work: Work) -> None:
    reply = only(work(serve()), "[[length]]")
    assert (reply.finish_reason, reply.attempts) == ("length", 1)
    assert reply.text.startswith('{"rewrites": [')


def test_replies_come_as_they_are_ready(serve: Serve, work: Work) -> None:
    server = serve(slow_s=1)
    order = [
        request.tag for request, _ in work(server).answer(ask(n, "[[slow]]" * (n == 0)) for n in range(20))
    ]
    assert sorted(order) == list(range(20))
    assert order[-1] == 0


def test_the_window_is_full_while_there_is_work_and_never_fuller(serve: Serve, work: Work) -> None:
    # Nobody is answered unless eight are in flight: a client that waits for a batch to end would hang.
    server = serve(gate=(8, 200))
    assert len(by_tag(work(server, in_flight=8).answer(ask(n) for n in range(200)))) == 200
    assert server.most_in_flight == 8


def test_requests_are_pulled_in_the_callers_thread_a_bounded_number_ahead(serve: Serve, work: Work) -> None:
    server = serve()
    pulled, answered, ahead = 0, 0, []

    def requests() -> Iterator[Request]:
        nonlocal pulled
        for n in range(500):
            assert threading.current_thread() is threading.main_thread()
            pulled += 1
            ahead.append(pulled - answered)
            yield ask(n)

    for _ in work(server, in_flight=4).answer(requests()):
        answered += 1
    assert answered == 500
    assert max(ahead) == 4 + 16


def test_a_request_that_waits_leaves_its_place_to_others(serve: Serve, work: Work) -> None:
    server = serve(retry_after="1")
    order = [
        request.tag
        for request, _ in work(server, in_flight=1).answer(ask(n, "[[429*1]]" * (n == 0)) for n in range(10))
    ]
    assert order == [*range(1, 10), 0]


def test_requests_a_minute(serve: Serve, work: Work) -> None:
    server = serve()
    started = time.monotonic()
    by_tag(work(server, requests_per_minute=1200).answer(ask(n) for n in range(20)))
    times = sorted(seen.at for seen in server.seen)
    assert all(at - started >= n * 0.05 - 1e-3 for n, at in enumerate(times))


def test_tokens_a_minute_by_the_servers_own_count(serve: Serve, work: Work) -> None:
    server = serve(answer=lambda _: "word " * 95)  # with 5 words of the prompt: 100 tokens
    requests = [
        Request(tag=n, prompt=f"one two three four {n}", sampling=Sampling(max_tokens=10)) for n in range(11)
    ]
    started = time.monotonic()
    by_tag(work(server, tokens_per_minute=60_000, in_flight=1).answer(requests))
    assert server.tokens_in + server.tokens_out == 1100
    assert server.seen[-1].at - started >= 10 * 0.1 - 1e-3


def test_work_moves_on_when_a_server_dies(serve: Serve, work: Work) -> None:
    first, second = serve(latency=lambda _: 0.005), serve(latency=lambda _: 0.005)
    found = {}
    for request, reply in work(first, second, in_flight=8).answer(ask(n) for n in range(300)):
        found[request.tag] = reply
        if len(found) == 60:
            first.stop()
    assert sorted(found) == list(range(300))
    assert {reply.finish_reason for reply in found.values()} == {"stop"}
    assert 20 <= len(first.seen) <= 80
    assert len(first.seen) + len(second.seen) <= 300 + 8 + 16  # what was under way, and answers not taken


def test_servers_share_the_work(serve: Serve, work: Work) -> None:
    servers = [serve(latency=lambda _: 0.01) for _ in range(3)]
    by_tag(work(*servers, in_flight=9).answer(ask(n) for n in range(180)))
    assert sum(len(server.seen) for server in servers) == 180
    assert all(server.most_in_flight <= 9 and len(server.seen) >= 40 for server in servers)


def test_a_caller_that_stops_leaves_nothing_behind(serve: Serve, work: Work) -> None:
    server = serve(slow_s=30)
    before = set(threading.enumerate())
    answers = work(server).answer(ask(n, "[[slow]]" * (n % 2)) for n in range(1000))
    next(answers)
    assert set(threading.enumerate()) - before
    started = time.monotonic()
    answers.close()
    assert time.monotonic() - started < 10  # and not the 30 seconds of what was in flight
    assert set(threading.enumerate()) == before
    gc.collect()  # an open socket would warn here, which is an error


def test_what_the_requests_raise_is_raised(serve: Serve, work: Work) -> None:
    def requests() -> Iterator[Request]:
        yield ask(0)
        raise OSError("shard is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="shard is gone"):
        list(work(serve()).answer(requests()))
    assert threading.active_count() == before + 1  # the server's


def test_a_worker_answers_again_and_again(serve: Serve, work: Work) -> None:
    server = serve()
    worker = work(server)
    assert [len(list(worker.answer(ask(n) for n in range(count)))) for count in (3, 0, 5)] == [3, 0, 5]
    worker.close()


def test_a_picture_that_cannot_be_decoded_is_not_asked_about(serve: Serve, work: Work) -> None:
    server = serve()
    ((_, reply),) = work(server).answer([Request(tag=0, prompt="p", image=b"\xff\xd8\xffnot")])
    assert (reply.finish_reason, reply.attempts) == (REFUSED_REQUEST, 0)
    assert reply.text.startswith("the picture cannot be decoded: ")
    assert server.seen == []


def test_a_key_that_is_not_set(serve: Serve, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"^api_key_env: the environment variable 'MY_KEY' is not set; set"):
        work(serve(), api_key_env="MY_KEY")


@pytest.mark.parametrize(
    "url", ["", "localhost:8000/v1", "ftp://a/v1", "http://", "http://a:b/v1", "http://a/v1?k=1"]
)
def test_a_url_that_is_none(url: str) -> None:
    config = OpenAIWorkerConfig(kind="openai", base_urls=(url,), model="tiny")
    with pytest.raises(ConfigError, match="is no URL; write it like http://127.0.0.1:8000/v1"):
        make_worker(config)
