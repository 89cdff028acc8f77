"""Sums over journals, against sums by hand."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.base import Reply
from recipes.laclip import LaClip
from transforms.spent import Spent, recipe_of, spent_in

SCHEMAS = {"laclip": LaClip.schema}
GOOD = '{"rewrites": ["A dog."]}'
REPLIES = [
    Reply(text=GOOD, model="m", tokens_in=10, tokens_out=3, attempts=2, seconds=0.25, endpoint="http://a/v1"),
    Reply(text="no JSON", model="m", tokens_in=20, tokens_out=5, seconds=1.5, endpoint="http://a/v1"),
    Reply(text='{"r', model="m", finish_reason="length", tokens_out=7, seconds=2.0, endpoint="http://b/v1"),
    Reply(text="gave up", model="m", finish_reason="refused_request", attempts=6),
]


def journal(folder: Path, replies: list[Reply], recipe: str = "laclip") -> str:
    path = str(folder / "replies" / recipe / "00000-a.jsonl")
    bodies = [json.dumps({"request": f"k{n}", **asdict(r)}, sort_keys=True) for n, r in enumerate(replies)]
    lines = [f"{hashlib.sha256(body.encode()).hexdigest()[:8]} {body}\n" for body in bodies]
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("".join(lines))
    return path


def of(spent: Spent, endpoint: str, recipe: str = "laclip") -> dict[str, int]:
    return {what: n for (name, url, what), n in spent.items() if (name, url) == (recipe, endpoint) and n}


def test_every_reply_is_counted_where_it_came_from(tmp_path: Path) -> None:
    spent = spent_in(journal(tmp_path, REPLIES), SCHEMAS)
    assert of(spent, "http://a/v1") == {
        "replies": 2, "requests": 3, "tokens_in": 30, "tokens_out": 8, "milliseconds": 1750,
        "checked": 2, "misshapen": 1,
    }  # fmt: skip
    assert of(spent, "http://b/v1") == {"replies": 1, "requests": 1, "tokens_out": 7, "milliseconds": 2000}
    assert of(spent, "") == {"replies": 1, "requests": 6}
    assert {recipe for recipe, _, _ in spent} == {"laclip"}


def test_replies_to_a_recipe_that_is_not_asked_any_more_are_counted_and_not_checked(tmp_path: Path) -> None:
    spent = spent_in(journal(tmp_path, REPLIES, "older"), SCHEMAS)
    assert of(spent, "http://a/v1", "older") == {
        "replies": 2, "requests": 3, "tokens_in": 30, "tokens_out": 8, "milliseconds": 1750,
    }  # fmt: skip


def test_a_torn_line_was_not_kept_and_is_asked_and_counted_again(tmp_path: Path) -> None:
    path = Path(journal(tmp_path, REPLIES[:2]))
    path.write_bytes(path.read_bytes()[:-9])
    assert of(spent_in(str(path), SCHEMAS), "http://a/v1")["replies"] == 1


def test_the_recipe_is_that_of_the_folder() -> None:
    assert recipe_of("/out/work/replies/my-own/00003-b.jsonl") == "my-own"


COUNTS = st.integers(0, 10**9)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["http://a/v1", "http://b/v1", ""]), COUNTS, COUNTS), max_size=20))
def test_sums_are_those_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    replies = [
        Reply(text=GOOD, model="m", endpoint=url, tokens_in=into, tokens_out=out) for url, into, out in told
    ]
    spent = spent_in(journal(folder, replies), SCHEMAS)
    for url in ("http://a/v1", "http://b/v1", ""):
        assert spent["laclip", url, "replies"] == Counter(name for name, _, _ in told)[url]
        assert spent["laclip", url, "tokens_in"] == sum(into for name, into, _ in told if name == url)
        assert spent["laclip", url, "tokens_out"] == sum(out for name, _, out in told if name == url)
