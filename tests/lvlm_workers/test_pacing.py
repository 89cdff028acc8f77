import pytest

from lvlm_workers.pacing import Pace, RateLimit

PACE = Pace(backoff_s=0.5, backoff_cap_s=4, retry_after_cap_s=10, rest_s=1, rest_cap_s=8)


def test_backoff_is_drawn_between_nothing_and_a_doubling_bound() -> None:
    for failures, bound in ((1, 0.5), (2, 1), (3, 2), (4, 4), (5, 4), (10_000, 4)):
        waits = [PACE.backoff(b"%d" % n, failures, None) for n in range(400)]
        assert 0 <= min(waits) < bound * 0.05
        assert bound * 0.95 < max(waits) <= bound
        assert sum(waits) / len(waits) == pytest.approx(bound / 2, rel=0.1)


def test_the_same_request_waits_the_same() -> None:
    assert PACE.backoff(b"a", 2, None) == PACE.backoff(b"a", 2, None) != PACE.backoff(b"b", 2, None)


@pytest.mark.parametrize(("asked", "least"), [(None, 0), (0.0, 0), (7.0, 7), (1e9, 10)])
def test_never_shorter_than_asked_up_to_a_cap(asked: float | None, least: float) -> None:
    for wait in (PACE.backoff(b"a", 1, asked), PACE.rest(0, asked)):
        assert least <= wait <= max(least, 1)


def test_rests_grow() -> None:
    assert [PACE.rest(n, None) for n in (0, 1, 2, 3, 4, 999)] == [1, 2, 4, 8, 8, 8]


def test_a_limit_spreads_over_the_minute() -> None:
    limit = RateLimit(120)
    assert [limit.reserve(1, now=5.0) for _ in range(4)] == [0, 0.5, 1, 1.5]
    assert limit.reserve(1, now=6.9) == pytest.approx(0.1)
    assert limit.reserve(1, now=60.0) == 0  # what was not used is lost
    assert limit.reserve(1, now=60.0) == 0.5


def test_no_minute_holds_more_than_the_limit_and_one() -> None:
    limit = RateLimit(90)
    now, times = 0.0, []
    for n in range(500):
        now += (0.0, 0.4, 3.0)[n % 3] * (n % 7 == 0)
        times.append(now + limit.reserve(1, now))
    assert max(sum(start <= t < start + 60 for t in times) for start in times) <= 91


def test_a_correction_counts() -> None:
    limit = RateLimit(60)
    limit.reserve(10, now=0.0)
    limit.correct(-4)
    assert limit.reserve(1, now=0.0) == 6
    limit.correct(5)
    assert limit.reserve(1, now=0.0) == 12


def test_no_limit_never_waits() -> None:
    limit = RateLimit(None)
    limit.correct(1e9)
    assert limit.reserve(1e9, now=0.0) == limit.reserve(1, now=0.0) == 0
