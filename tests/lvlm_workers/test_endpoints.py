from lvlm_workers.endpoints import Endpoint, Endpoints
from lvlm_workers.pacing import Pace

PACE = Pace(rest_after=3, rest_s=1, rest_cap_s=4, retry_after_cap_s=100)


def three() -> tuple[Endpoints, list[Endpoint]]:
    servers = Endpoints(["a", "b", "c"], PACE)
    return servers, servers.all


def fail(servers: Endpoints, endpoint: Endpoint, now: float, times: int = 3) -> None:
    for _ in range(times):
        servers.failed(endpoint, now, now, None)


def test_the_least_busy_is_asked() -> None:
    servers, (a, b, c) = three()
    a.load, b.load, c.load = 2, 1, 3
    assert servers.choose(0.0) is b


def test_another_is_asked_after_a_failure_if_there_is_one() -> None:
    servers, (a, b, c) = three()
    b.load = c.load = 9
    assert servers.choose(0.0, avoid=a) is b
    fail(servers, b, 0.0)
    fail(servers, c, 0.0)
    assert servers.choose(0.5, avoid=a) is a


def test_failures_in_a_row_rest_a_server_for_longer_and_longer() -> None:
    servers, (a, b, c) = three()
    fail(servers, b, 0.0)
    fail(servers, c, 0.0)
    fail(servers, a, 0.0, times=2)
    assert servers.choose(0.0) is a
    servers.failed(a, 0.0, 0.0, None)
    assert servers.choose(0.0) is None
    assert servers.wait_s(0.25) == 0.75
    assert servers.choose(1.0) is a
    fail(servers, a, 1.0)
    assert a.rested_until == 3.0
    fail(servers, a, 3.0)
    fail(servers, a, 7.0)
    assert a.rested_until == 11.0


def test_an_answer_in_between_starts_the_count_again() -> None:
    servers, (a, *_) = three()
    fail(servers, a, 0.0, times=2)
    servers.answered(a, 0.5)
    fail(servers, a, 1.0, times=2)
    assert a.rests == 0
    assert servers.answered_at == 0.5


def test_what_was_under_way_when_a_rest_began_is_not_counted() -> None:
    servers, (a, *_) = three()
    for _ in range(64):
        servers.failed(a, 0.0, 5.0, None)
    assert (a.rests, a.rested_until) == (1, 6.0)


def test_an_answer_ends_a_rest() -> None:
    servers, (a, *_) = three()
    fail(servers, a, 0.0)
    servers.answered(a, 0.1)
    assert servers.choose(0.1) is a


def test_a_server_back_from_a_rest_gets_one_request_at_a_time() -> None:
    servers, (a, b, c) = three()
    fail(servers, a, 0.0)
    b.load = c.load = 5
    assert servers.choose(1.0) is a
    a.load = 1
    assert servers.choose(1.0) is b
    servers.answered(a, 1.1)
    assert servers.choose(1.1) is a


def test_where_all_failed_all_are_tried_again() -> None:
    servers, (a, b, c) = three()
    for endpoint in (a, b, c):
        fail(servers, endpoint, 0.0)
        endpoint.load = 1
    assert servers.choose(1.0) in (a, b, c)


def test_a_rest_is_as_long_as_the_server_asks() -> None:
    servers, (a, *_) = three()
    for _ in range(3):
        servers.failed(a, 0.0, 0.0, 30.0)
    assert a.rested_until == 30.0
