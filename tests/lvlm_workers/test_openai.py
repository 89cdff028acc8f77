"""Every way a server fails has the right outcome after the right number of attempts."""

import gc
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import pytest

from lvlm_workers.base import Reply, Request, WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.pacing import Pace
from lvlm_workers.registry import make_worker
from recipes.laclip import LaClip
from schemas.annotation import Sampling
from schemas.errors import ConfigError
from schemas.workers import OpenAIWorkerConfig

Serve = Callable[..., Any]
Work = Callable[..., OpenAIWorker]
KEY = "sk-live-0123456789abcdef"


def ask(tag: int, words: str = "") -> Request:
    return Request(tag=tag, prompt=f"Rewrite {tag}. {words}", schema=LaClip.schema)


def by_tag(answered: Iterable[tuple[Request, Reply]]) -> dict[int, Reply]:
    found: dict[int, Reply] = {}
    for request, reply in answered:
        assert request.tag not in found
        found[request.tag] = reply
    return found


def only(worker: OpenAIWorker, words: str) -> Reply:
    """Return the reply to one request."""
    return by_tag(worker.answer([ask(0, words)]))[0]


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
    "fault", ["408", "409", "425", "429", "500", "502", "503", "reset", "cut-body", "no-json", "wrong-shape"]
)
def test_what_may_pass_is_tried_again(serve: Serve, work: Work, fault: str) -> None:
    server = serve()
    reply = only(work(server), f"[[{fault}*2]]")
    assert json.loads(reply.text).keys() == {"rewrites"}
    assert (reply.attempts, reply.finish_reason) == (3, "stop")
    assert len(server.seen) == 3
    assert server.seen[0].body == server.seen[2].body


@pytest.mark.parametrize("fault", ["error-200", "stall"])
def test_errors_with_status_200_and_stalls_are_tried_again(serve: Serve, work: Work, fault: str) -> None:
    server = serve()
    assert only(work(server, timeout_s=2.0), f"[[{fault}*1]]").attempts == 2


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


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_fails_alone(serve: Serve, work: Work, status: int) -> None:
    server = serve()
    found = by_tag(work(server).answer([ask(0), ask(1, f"[[{status}]]"), ask(2)]))
    assert [found[tag].finish_reason for tag in range(3)] == ["stop", REFUSED_REQUEST, "stop"]
    assert found[1].text == f"HTTP {status}: told to say {status} to None"
    assert found[1].attempts == 1
    assert len(server.seen) == 3


def test_a_server_that_refuses_everything_stops_the_run(serve: Serve, work: Work) -> None:
    server = serve(fault_rate=1.0, faults=["400"])
    with pytest.raises(WorkerError, match=r"refuses every request: HTTP 400: told to say 400"):
        list(work(server, in_flight=4).answer(ask(n) for n in range(100)))
    assert len(server.seen) <= 16 + 4


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_a_wrong_set_up_stops_the_run_at_once(
    serve: Serve, work: Work, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server = serve(fault_rate=1.0, faults=[str(status)])
    with pytest.raises(WorkerError) as raised:
        list(work(server, api_key_env="MY_KEY", in_flight=1).answer(ask(n) for n in range(10)))
    assert str(raised.value) == (
        f"{server.url}: HTTP {status}: told to say {status} to Bearer [key]; check base_urls, model 'tiny' "
        "and the key in $MY_KEY, and run again to resume"
    )
    assert len(server.seen) == 1
    assert server.seen[0].authorization == f"Bearer {KEY}"


def test_a_request_that_always_fails_fails_alone(serve: Serve, work: Work) -> None:
    server = serve()
    found = by_tag(work(server, max_attempts=3).answer(ask(n, "[[500]]" * (n == 4)) for n in range(8)))
    assert {n for n in found if found[n].finish_reason == REFUSED_REQUEST} == {4}
    assert found[4].text == "HTTP 500: told to say 500 to None (attempt 3)"
    assert found[4].attempts == 3


@pytest.mark.parametrize("fault", ["500", "429", "reset", "no-json"])
def test_the_last_request_that_always_fails_is_told_from_a_dead_server(
    serve: Serve, work: Work, fault: str
) -> None:
    server = serve()
    reply = only(work(server, max_attempts=3), f"[[{fault}]]")
    assert (reply.finish_reason, reply.attempts) == (REFUSED_REQUEST, 3)
    assert server.prompts == [server.prompts[0]] * 3 + ["Say yes."]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "HTTP 500: told to say 500 to None"),
        ("429", "HTTP 429: told to say 429 to None"),
        ("reset", "a broken connection \\((ServerDisconnectedError|ClientOSError)\\)"),
        ("cut-body", "an answer that is cut off"),
        ("no-json", "the answer is no JSON \\(21 bytes\\)"),
        ("error-200", "an error with HTTP 200: engine overloaded"),
        ("stall", "no answer within 0.1 s"),
    ],
)
def test_a_service_that_stays_down_stops_the_run(serve: Serve, work: Work, fault: str, said: str) -> None:
    server = serve(fault_rate=1.0, faults=[fault])
    line = f"^no server answers, {server.url} with {said}; mend it and run again to resume$"
    with pytest.raises(WorkerError, match=line):
        timeout_s = 0.1 if fault == "stall" else 60
        worker = work(server, max_attempts=3, timeout_s=timeout_s, in_flight=8)
        list(worker.answer(ask(n) for n in range(1000)))
    asked = Counter(server.prompts)
    assert asked.pop("Say yes.") >= 3
    assert max(asked.values()) <= 3
    assert len(asked) <= 8 + 16


def test_a_server_that_fails_now_and_then_is_not_down(serve: Serve, work: Work) -> None:
    def answers(body: Any) -> str:
        failing = "Say yes." in str(body["messages"]) and len(server.prompts) < 6
        return (_ for _ in ()).throw(ValueError) if failing else "yes"

    server = serve(answer=answers)
    reply = only(work(server, max_attempts=3), "[[500]]")
    assert reply.finish_reason == REFUSED_REQUEST
    assert server.prompts == [server.prompts[0]] * 3 + ["Say yes."] * 3


def test_a_port_where_nobody_listens(serve: Serve, work: Work) -> None:
    server = serve()
    server.stop()
    with pytest.raises(
        WorkerError, match=rf"{server.url} with no connection \(Connect call failed .*\); mend"
    ):
        list(work(server, max_attempts=2).answer([ask(0)]))
    with pytest.raises(WorkerError, match=rf"no server answers: {server.url}: no connection .*; start one"):
        work(server).check()


def test_nothing_is_lost_or_repeated_where_a_third_fails_in_every_way(
    serve: Serve, work: Work, openai_server: ModuleType
) -> None:
    server = serve(fault_rate=0.3)
    worker = work(server, in_flight=16, timeout_s=1, max_attempts=12)
    found = by_tag(worker.answer(ask(n) for n in range(300)))
    assert sorted(found) == list(range(300))
    poor = {seen.prompt for seen in server.seen if seen.fault in openai_server.REPLIES}
    for tag, reply in found.items():
        request = ask(tag)
        tries = [seen for seen in server.seen if seen.prompt == request.prompt]
        assert reply.finish_reason != REFUSED_REQUEST
        assert reply.attempts == len(tries)
        if request.prompt not in poor:
            assert reply.text == openai_server.json_answer(tries[0].body)
    assert {seen.fault for seen in server.seen} == {None, *openai_server.FAULTS}
    assert sum(r.tokens_in for r in found.values()) == server.tokens_in
    assert sum(r.tokens_out for r in found.values()) == server.tokens_out


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


@pytest.mark.parametrize("status", ["429", "503"])
def test_retry_after_is_honoured(serve: Serve, work: Work, status: str) -> None:
    server = serve(retry_after="0.4")
    assert only(work(server), f"[[{status}*1]]").attempts == 2
    assert server.seen[1].at - server.seen[0].ended >= 0.4


def test_retry_after_as_a_date(serve: Serve, work: Work) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1.5)
    server = serve(retry_after=format_datetime(until, usegmt=True))
    assert only(work(server), "[[429*1]]").attempts == 2
    assert datetime.now(UTC) >= until.replace(microsecond=0)


def test_retry_after_is_capped(serve: Serve, work: Work) -> None:
    server = serve(retry_after="1e9")
    pace = Pace(backoff_s=0.01, retry_after_cap_s=0.1)
    assert only(work(server, pace=pace), "[[429*1]]").attempts == 2


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


def test_the_key_is_in_no_reply(serve: Serve, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server = serve(answer=lambda _: f"your key is {KEY}")
    worker = work(server, api_key_env="MY_KEY", max_attempts=2)
    found = by_tag(worker.answer([ask(0), ask(1, "[[400]]"), ask(2, "[[500]]")]))
    assert [found[n].text for n in range(3)] == [
        "your key is [key]",
        "HTTP 400: told to say 400 to Bearer [key]",
        "HTTP 500: told to say 500 to Bearer [key] (attempt 2)",
    ]


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


def test_check_of_a_server_that_has_the_model(serve: Serve, work: Work) -> None:
    work(serve(), serve(models=["other", "tiny"])).check()


@pytest.mark.parametrize("status", [404, 405])
def test_check_of_a_server_without_a_list(serve: Serve, work: Work, status: int) -> None:
    work(serve(models_status=status)).check()


def test_check_names_the_models_there_are(serve: Serve, work: Work) -> None:
    server = serve(models=["qwen", "llava"])
    with pytest.raises(WorkerError, match=rf"^{server.url} has no model 'tiny'; it has llava, qwen$"):
        work(server).check()


def test_check_of_a_server_that_refuses_us(serve: Serve, work: Work) -> None:
    with pytest.raises(WorkerError, match=r"HTTP 401.*api_key_env \(none is set\)"):
        work(serve(models_status=401)).check()


def test_check_passes_where_one_of_two_is_up(serve: Serve, work: Work) -> None:
    dead, alive = serve(), serve()
    dead.stop()
    work(dead, alive).check()
