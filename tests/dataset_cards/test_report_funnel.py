import re
from typing import Any

import pytest

from dataset_cards.report_funnel import funnel, losses, reason_meaning

RUN: dict[str, Any] = {
    "config": {"profile": {"filters": [{"kind": "words", "min": 3.0, "max": None}]}},
    "counts": {
        "in": 1000,
        "published": 500,
        "dropped": {"profile": {"words": 300, "side<b>": 50}, "dedup": {"exact_duplicate": 100}},
        "failed": {"annotate": {"bad_reply": 10}, "decode": {"truncated_image": 40}},
    },
}


def test_losses_come_in_the_order_of_the_stages() -> None:
    assert losses(RUN["counts"]) == [
        ("decode", [("failed", "truncated_image", 40)]),
        ("profile", [("dropped", "words", 300), ("dropped", "side<b>", 50)]),
        ("dedup", [("dropped", "exact_duplicate", 100)]),
        ("annotate", [("failed", "bad_reply", 10)]),
    ]


def test_the_bars_add_up() -> None:
    page = "".join(funnel(RUN))
    kept = [float(wide) for wide in re.findall(r'class="kept" width="([\d.]+)%"', page)]
    gone = [float(wide) for wide in re.findall(r'class="gone" x="[\d.]+%" width="([\d.]+)%"', page)]
    assert kept == pytest.approx([100, 96, 61, 51, 50, 50])
    assert gone == pytest.approx([0, 4, 35, 10, 1, 0])


def test_reasons_say_what_they_mean_and_stay_text() -> None:
    page = "".join(funnel(RUN))
    assert 'data-reason="profile/words">words</button> <small>filter, min 3</small>' in page
    assert "side&lt;b&gt;" in page
    assert "<b>" not in re.sub(r"<b>(In|Published|decode|profile|dedup|annotate)</b>", "", page)
    assert "the image ends before its pixels do" in page
    assert reason_meaning("unheard", []) == ""


def test_an_empty_run_has_a_funnel() -> None:
    counts: dict[str, Any] = {"in": 0, "published": 0, "dropped": {}, "failed": {}}
    assert "Published" in "".join(funnel({"counts": counts, "config": {}}))
