"""What a run says of its spending."""

from typing import Any

import pytest

from pipelines.usage_lines import dropped_lines, format_cost, ignoring_lines, usage_lines


def spent(**changes: Any) -> dict[str, Any]:
    counted = {"replies": 3100, "requests": 3150, "tokens_in": 1_234_567, "tokens_out": 98_765}
    return counted | {"model_seconds": 4.5, "cost": 3.456} | changes


WHOLE: dict[str, Any] = {"kept": 9, "dropped": {}}
PAIRS = {"kept": 2688, "dropped": {"not minimal": 300, "same": 56, "repeated": 56}}
URL = "http://127.0.0.1:8000/v1"


def test_the_whole_of_it() -> None:
    usage = {
        "recipes": {
            "hqclip": spent(texts={"long_positive": PAIRS, "long_negative": PAIRS,
                                   "short_positive": {"kept": 9, "dropped": {"repeated": 1}}}),
            "laclip": spent(replies=100, requests=100, cost=None, texts={"rewrites": WHOLE}),
        },
        "endpoints": {URL: {"checked": 120, "misshapen": 37}, "http://b/v1": {"checked": 9, "misshapen": 0}},
        "pace": {"replies": 3200, "seconds": 260.0},
    }  # fmt: skip
    assert [line.removeprefix(" " * 10) for line in usage_lines(usage)] == [
        "hqclip: 3,100 replies to 3,150 requests; 1,234,567 tokens in, 98,765 out; cost 3.46",
        "hqclip: 412 of 3,100 long_positive and long_negative dropped: not minimal 300, repeated 56, same 56",
        "hqclip: 1 of 10 short_positive dropped: repeated 1",
        "laclip: 100 replies to 100 requests; 1,234,567 tokens in, 98,765 out",
        "together 3,200 replies to 3,250 requests; 2,469,134 tokens in, 197,530 out; cost 3.46; "
        "12.3 replies/s",
        f"{URL} ignored the JSON schema in 37 of 120 replies; use a server that enforces response_format "
        "(vLLM does)",
    ]


def test_nothing_where_no_model_was_asked() -> None:
    nothing: dict[str, Any] = {"recipes": {}, "endpoints": {}, "pace": {"replies": 0, "seconds": 0.0}}
    assert list(usage_lines(nothing)) == []


@pytest.mark.parametrize(
    ("misshapen", "checked", "named"),
    [(0, 0, False), (2, 2, False), (3, 3, True), (3, 300, True), (3, 301, False), (37, 3700, True)],
)
def test_a_server_is_named_where_it_is_no_accident(misshapen: int, checked: int, named: bool) -> None:
    assert bool(list(ignoring_lines({URL: {"checked": checked, "misshapen": misshapen}}))) == named


def test_fields_of_other_counts_stay_apart() -> None:
    more = PAIRS | {"kept": 1}
    lines = list(dropped_lines({"a": PAIRS, "b": more, "c": PAIRS, "d": {"kept": 5, "dropped": {}}}))
    assert [line.partition(" dropped")[0] for line in lines] == ["412 of 3,100 a and c", "412 of 413 b"]


def test_without_a_model_only_what_was_left_out_is_told() -> None:
    boxes = {"kept": 5, "dropped": {"low score": 3}}
    usage: dict[str, Any] = {
        "recipes": {"hqclip": {"texts": {"long_positive": WHOLE}}, "detect": {"texts": {"regions": boxes}}},
        "endpoints": {},
        "pace": {"replies": 0, "seconds": 0.0},
    }
    assert list(usage_lines(usage)) == [" " * 10 + "detect: 3 of 8 regions dropped: low score 3"]
    usage["recipes"]["laclip"] = spent(replies=100, requests=100)
    assert [line.strip() for line in usage_lines(usage)] == [
        "detect: 3 of 8 regions dropped: low score 3",
        "laclip: 100 replies to 100 requests; 1,234,567 tokens in, 98,765 out; cost 3.46",
    ]


def test_costs() -> None:
    assert [format_cost(cost) for cost in (0.0, 0.00012, 1.0, 12345.678)] == [
        "0.0000", "0.0001", "1.00", "12,345.68",
    ]  # fmt: skip
