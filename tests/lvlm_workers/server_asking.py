"""Requests put to servers of the tests."""

from collections.abc import Callable
from typing import Any

from lvlm_workers.base import Reply, Request
from lvlm_workers.openai import OpenAIWorker
from recipes.laclip import LaClip
from tests.lvlm_workers.asking import by_tag

Serve = Callable[..., Any]
Work = Callable[..., OpenAIWorker]
KEY = "sk-live-0123456789abcdef"


def ask(tag: int, words: str = "") -> Request:
    return Request(tag=tag, prompt=f"Rewrite {tag}. {words}", schema=LaClip.schema)


def only(worker: OpenAIWorker, words: str) -> Reply:
    """Return the reply to one request."""
    return by_tag(worker.answer([ask(0, words)]))[0]
