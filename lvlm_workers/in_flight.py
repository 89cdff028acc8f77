"""Requests with pictures, kept in flight through one sliding window."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from lvlm_workers.base import Reply, Request
from lvlm_workers.window import Work, slide

AHEAD = 16
"""Requests are pulled and prepared ahead of the window: half of it, and no fewer than this."""
MAX_PICTURE_BYTES = 2**28
"""No more are pulled once the pictures of those without a reply take so many bytes."""
MAX_THREADS = 8
"""That reduce pictures; decoding releases the interpreter lock."""

Prepared = TypeVar("Prepared")


def answer_in_flight(
    requests: Iterable[Request],
    prepare: Callable[[Request], Prepared],
    open_work: Callable[[], AbstractAsyncContextManager[Work[Prepared, Reply]]],
    in_flight: int,
) -> Iterator[tuple[Request, Reply]]:
    """Yield each request with its reply, in the order of the replies (see `lvlm_workers.window.slide`).

    Requests are pulled in the caller's thread, at most `in_flight` and half as many more (or `AHEAD`) before
    their replies. `prepare` runs in threads; a request's `on_reply` hears of its reply in the window's.
    """
    return slide(
        requests,
        prepare,
        open_work,
        arrived=_tell,
        weigh=lambda request: len(request.image or b""),
        limit=in_flight + max(AHEAD, in_flight // 2),
        most_bytes=MAX_PICTURE_BYTES,
        threads=min(MAX_THREADS, os.cpu_count() or 1),
    )


def _tell(request: Request, reply: Reply) -> None:
    if request.on_reply is not None:
        request.on_reply(reply)
