"""Every way a server fails has the right outcome after the right number of attempts."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import ModuleType
from typing import Any

import pytest

from lvlm_workers.base import WorkerError
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.pacing import Pace
from tests.lvlm_workers.asking import by_tag
from tests.lvlm_workers.server_asking import KEY, Serve, Work, ask, only


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
