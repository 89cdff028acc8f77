"""Requests put to a worker, and its replies by the requests' tags."""

from collections.abc import Iterable, Sequence
from typing import Any

from lvlm_workers.base import Reply, Request, Worker


def by_tag(answered: Iterable[tuple[Request, Reply]]) -> dict[Any, Reply]:
    """Return the reply to each request; none may have two."""
    found: dict[Any, Reply] = {}
    for request, reply in answered:
        assert request.tag not in found
        found[request.tag] = reply
    return found


def ask(worker: Worker, requests: Sequence[Request]) -> list[Reply]:
    """Return the replies in the order of the requests; each must have one."""
    replies = by_tag(worker.answer(requests))
    assert len(replies) == len(requests)
    return [replies[request.tag] for request in requests]
