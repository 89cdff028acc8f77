"""A whole `curate` against a vLLM server, and what that server counted of it."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.verify import verify
from recipes.registry import get_recipe
from schemas.reasons import REASONS


@pytest.fixture(scope="module")
def config(server: Any, write_config: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    # vLLM 0.32 on a CPU dies of seeds in sampled requests.
    worker = {"kind": "openai", "base_urls": [f"{server.url}/v1"], "model": "tiny", "send_seed": False}
    return write_config(tmp_path_factory.mktemp("curated"), worker)


@pytest.fixture(scope="module")
def counted(server: Any, config: Path, curate: Callable[[Path], Any]) -> tuple[Any, dict[str, int]]:
    """Return the run, and by how much the server's counters rose in it."""
    before = server.counts()
    run = curate(config)
    after = server.counts()
    return run, {name: after[name] - before[name] for name in after}


@pytest.fixture
def run(counted: tuple[Any, dict[str, int]]) -> Any:
    return counted[0]


def test_every_sample_is_published_or_rejected_with_its_reason(run: Any) -> None:
    counts = run.record["counts"]
    assert verify(str(run.output)) == []
    assert counts["in"] == counts["published"] + len(run.rejected)
    assert counts["published"] == len(run.published) >= 1
    assert {row["reason"] for row in run.rejected} <= set(REASONS)
    failed = Counter(row["reason"] for row in run.rejected if row["stage"] == "annotate")
    assert counts["failed"]["annotate"] == failed
    uids = [row["uid"] for row in (*run.published, *run.rejected)]
    assert len(set(uids)) == counts["in"]


def test_a_prompt_that_is_too_long_is_refused_alone(run: Any) -> None:
    (row,) = (row for row in run.rejected if row["uid"] == "too-long")
    assert (row["stage"], row["reason"]) == ("annotate", "refused_request")
    assert row["value"].startswith("HTTP 400: This model's maximum context length is 1536 tokens.")
    assert all(row["reason"] != "refused_request" for row in run.rejected if row["uid"] != "too-long")


def test_published_fields_are_valid(run: Any) -> None:
    for record in run.published:
        positive, negative = record["long_positive"], record["long_negative"]
        assert len(positive) == len(negative) >= 1
        assert all(true != false for true, false in zip(positive, negative, strict=True))
        assert not set(record["short_positive"]) & set(record["short_negative"])
        for name in ("long_positive", "long_negative", "short_positive", "short_negative", "rewrites"):
            assert all(isinstance(text, str) and text.strip() for text in record[name])
        for recipe in ("hqclip", "laclip"):
            for name in get_recipe(recipe).fields:
                where = record["provenance"][name]
                assert (where["recipe"], where["worker"], where["model"]) == (recipe, "openai", "tiny")
                assert where["prompt_sha256"] == get_recipe(recipe).prompt_sha256()
                assert where["tokens_in"] > 0
                assert where["tokens_out"] > 0


def test_tokens_are_those_that_the_server_counted(counted: tuple[Any, dict[str, int]]) -> None:
    run, rose = counted
    answered = [reply for reply in run.replies if reply["finish_reason"] != "refused_request"]
    assert rose["request_success"] == len(answered)
    assert rose["prompt_tokens"] == sum(reply["tokens_in"] for reply in answered)
    assert rose["generation_tokens"] == sum(reply["tokens_out"] for reply in answered)
    assert run.record["tokens"] == {"in": rose["prompt_tokens"], "out": rose["generation_tokens"]}


def test_a_good_part_of_the_prompts_was_not_computed(
    counted: tuple[Any, dict[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, rose = counted
    share = rose["prefix_cache_hits"] / rose["prompt_tokens"]
    with capsys.disabled():
        print(f"\nprompt tokens of the whole run not computed: {share:.1%}")
    assert share > 0.3


def test_a_second_run_asks_nothing(
    run: Any, server: Any, config: Path, curate: Callable[[Path], Any]
) -> None:
    before = server.counts()
    again = curate(config)
    assert server.counts() == before
    assert again.record["counts"] == run.record["counts"]
