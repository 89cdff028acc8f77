"""How long to wait: after a failure, and under limits of requests and tokens a minute."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Waits in seconds; `rest_after` is how many failures in a row have a server rested."""

    backoff_s: float = 0.5
    backoff_cap_s: float = 30.0
    retry_after_cap_s: float = 120.0
    rest_after: int = 8
    rest_s: float = 1.0
    rest_cap_s: float = 60.0

    def backoff(self, mark: bytes, failures: int, retry_after_s: float | None) -> float:
        """Return the wait before the next attempt of the request of this mark.

        Exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015),
        drawn from the mark; never shorter than what the server asked for, up to `retry_after_cap_s`.
        """
        digest = hashlib.sha256(b"%d " % failures + mark).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        wait = share * _doubled(self.backoff_s, failures - 1, self.backoff_cap_s)
        return max(wait, min(retry_after_s or 0.0, self.retry_after_cap_s))

    def rest(self, rests: int, retry_after_s: float | None) -> float:
        """Return how long a server rests after having rested so many times without an answer since."""
        wait = _doubled(self.rest_s, rests, self.rest_cap_s)
        return max(wait, min(retry_after_s or 0.0, self.retry_after_cap_s))


def _doubled(start: float, times: int, cap: float) -> float:
    return min(cap, start * 2.0 ** min(times, 32))


class RateLimit:
    """A limit a minute, spread evenly: a token bucket of no depth (GCRA, ITU-T I.371, without tolerance).

    What is reserved beyond the limit lies in the future, so any minute holds at most the limit and one more.

    >>> limit = RateLimit(60)
    >>> limit.reserve(2, now=0.0), limit.reserve(1, now=0.5)
    (0.0, 1.5)
    """

    def __init__(self, per_minute: float | None) -> None:
        self._per_second = per_minute / 60 if per_minute else None
        self._free_at = 0.0

    def reserve(self, amount: float, now: float) -> float:
        """Take an amount; return the seconds to wait before using it."""
        if self._per_second is None:
            return 0.0
        start = max(now, self._free_at)
        self._free_at = start + amount / self._per_second
        return start - now

    def correct(self, amount: float) -> None:
        """Take more, or give back, once the true amount is known."""
        if self._per_second is not None:
            self._free_at += amount / self._per_second
