"""The card tells tokens, cost and left-out texts that a rerun repeats, and nothing else."""

import copy
from typing import Any

from dataset_cards.spending import texts_left_out, tokens_and_cost

USAGE: dict[str, Any] = {
    "recipes": {
        "hqclip": {
            "replies": 3100, "requests": 3150, "tokens_in": 9_999, "tokens_out": 8_888, "model_seconds": 4.5,
            "cost": 7.77,
            "published": {
                "samples": 2500, "tokens_in": 1_200_000, "tokens_out": 400_000, "cost": 6.4,
                "fields": {"long_positive": 300_000, "long_negative": 100_000},
            },
            "texts": {
                "long_positive": {"kept": 2688, "dropped": {"same": 112, "not minimal": 300}},
                "long_negative": {"kept": 2688, "dropped": {}},
            },
        },
        "my_own": {
            "replies": 1, "requests": 1, "tokens_in": 5, "tokens_out": 6, "model_seconds": 0.5, "cost": None,
            "published": {
                "samples": 1, "tokens_in": 5, "tokens_out": 6, "cost": None, "fields": {"fused": 6},
            },
            "texts": {"fused": {"kept": 1, "dropped": {"a|b <i>": 1}}},
        },
        "older": {
            "replies": 1, "requests": 1, "tokens_in": 5, "tokens_out": 6, "model_seconds": 0.5, "cost": None,
        },
    },
    "endpoints": {"http://127.0.0.1:8000/v1": {"replies": 3100}},
    "pace": {"replies": 3100, "seconds": 260.0},
}  # fmt: skip


def test_tokens_and_cost_of_what_is_published() -> None:
    rows = [line for line in tokens_and_cost(USAGE) if line.startswith("|")]
    assert rows[2:] == [
        "| hqclip | 2,500 | 1,200,000 | 400,000 "
        "| `long_positive` 300,000, `long_negative` 100,000 | 6.4000 |",
        "| my\\_own | 1 | 5 | 6 | `fused` 6 |  |",
    ]


def test_texts_that_were_left_out() -> None:
    rows = [line for line in texts_left_out(USAGE) if line.startswith("|")]
    assert rows[2:] == [
        "| hqclip | `long_positive` | 2,688 | 412 | not minimal 300, same 112 |",
        "| my\\_own | `fused` | 1 | 1 | a\\|b \\<i\\> 1 |",
    ]


def test_only_what_a_rerun_repeats() -> None:
    other = copy.deepcopy(USAGE)
    other["pace"] = {"replies": 1, "seconds": 1.0}
    other["endpoints"] = {}
    for recipe in other["recipes"].values():
        recipe |= {"replies": 9, "requests": 9, "tokens_in": 1, "tokens_out": 1, "model_seconds": 9.0}
        recipe["cost"] = 99.0
    del other["recipes"]["older"]
    for section in (tokens_and_cost, texts_left_out):
        assert list(section(other)) == list(section(USAGE))


def test_no_section_where_there_is_nothing_to_tell() -> None:
    for recipes in ({}, {"older": USAGE["recipes"]["older"]}):
        assert [*tokens_and_cost({"recipes": recipes}), *texts_left_out({"recipes": recipes})] == []
