"""Which of several servers to ask: the least busy of those that answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lvlm_workers.pacing import Pace


@dataclass(kw_only=True, eq=False)
class Endpoint:
    """A server and how it does. Times are those of one monotonic clock, in seconds.

    `failures` are in a row. `rests` counts rests since its last answer; `rested_at` is when the last began.
    """

    url: str
    load: int = 0
    failures: int = 0
    rests: int = 0
    rested_at: float = -math.inf
    rested_until: float = -math.inf


class Endpoints:
    """Servers of the same model. One that keeps failing is rested, and its work goes to the others."""

    def __init__(self, urls: Sequence[str], pace: Pace) -> None:
        self.all = [Endpoint(url=url) for url in urls]
        self.answered_at = -math.inf
        """When any of them last answered."""
        self._pace = pace

    def choose(self, now: float, avoid: Endpoint | None = None) -> Endpoint | None:
        """Return the server to ask, another than `avoid` if there is one; None while all rest.

        One that comes back from a rest gets one request at a time until it answers, where others are well.
        """
        ready = [endpoint for endpoint in self.all if endpoint.rested_until <= now]
        well = [endpoint for endpoint in ready if endpoint.rests == 0]
        if well:
            ready = well + [endpoint for endpoint in ready if endpoint.rests and not endpoint.load]
        return min(ready, key=lambda endpoint: (endpoint is avoid, endpoint.load), default=None)

    def wait_s(self, now: float) -> float:
        """Return how long until the first of them has rested."""
        return max(0.0, min(endpoint.rested_until for endpoint in self.all) - now)

    def answered(self, endpoint: Endpoint, now: float) -> None:
        """Note an answer: the server is well."""
        endpoint.failures = endpoint.rests = 0
        endpoint.rested_until = -math.inf
        self.answered_at = now

    def failed(self, endpoint: Endpoint, started: float, now: float, retry_after_s: float | None) -> None:
        """Note a failed attempt; those that were under way when a rest began say nothing new."""
        if started < endpoint.rested_at:
            return
        endpoint.failures += 1
        if endpoint.failures >= self._pace.rest_after:
            endpoint.failures = 0
            endpoint.rested_at = now
            endpoint.rested_until = now + self._pace.rest(endpoint.rests, retry_after_s)
            endpoint.rests += 1
