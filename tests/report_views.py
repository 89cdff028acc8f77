"""A report with all that a page can show, and hostile texts in it."""

import base64
import io
from collections import Counter
from typing import Any

from PIL import Image

from dataset_cards.report import Report
from dataset_cards.report_against import Against
from dataset_cards.report_measures import Measures
from dataset_cards.report_sample import Picture, View, changed_texts, published_view, rejected_view
from dataset_cards.report_text import TextRoom
from schemas.annotation import FIELDS

SCRIPT = "<script>alert('caption')</script><img src=x onerror=alert(1)>"
HOSTILE = f'{SCRIPT} & "quotes" \0 \u202ereversed\u202c \u2028 </script><!--'
SAMPLES = 120
REJECTED = 5

RUN: dict[str, Any] = {
    "name": "a<b>run",
    "config": {"profile": {"filters": [{"kind": "words", "min": 3.0}]}, "note": HOSTILE},
    "recipes": [{"name": "hqclip", "version": "1", "source": "s", "prompt_sha256": "ab", "worker": "rules",
                 "model": "rules"}],
    "counts": {"in": 126, "published": SAMPLES, "dropped": {"profile": {"words": 5}},
               "failed": {"read": {"truncated_shard": 1}}},
    "coverage": {"long_positive": SAMPLES},
    "usage": {"recipes": {}, "endpoints": {}, "pace": {}},
    "seconds": {"profile": 1.0},
    "versions": {"python": "3.11"},
}  # fmt: skip


def picture() -> Picture:
    """Return a small real picture."""
    out = io.BytesIO()
    Image.new("RGB", (96, 64), "teal").save(out, "WEBP")
    uri = f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
    return Picture(uri=uri, width=96, height=64)


def record(number: int) -> dict[str, Any]:
    """Return the record of a published sample; the first has hostile texts and two regions."""
    regions = [
        {"box": [0, 0, 0.5, 0.5], "phrase": "a teal corner", "score": 0.75, "raw_score": 0.9},
        {"box": [0.5, 0.5, 1, 1], "phrase": HOSTILE, "score": 0.25, "raw_score": None},
    ]
    return {
        "uid": f"uid-{number:04d}",
        "alt_text": HOSTILE if number == 0 else f"alt text number {number}",
        "caption": f"Caption {SCRIPT}" if number == 0 else f"A caption about thing {number}.",
        "source": {"shard": "in.tar", "key": f"k{number}"},
        **FIELDS,
        "long_positive": [f"A red car number {number} stands."],
        "long_negative": [f"A blue car number {number} stands."],
        "short_positive": ["car"],
        "short_negative": ["boat"],
        "recaption": HOSTILE if number == 0 else None,
        "regions": regions if number == 0 else [],
        "scores": {"clip": number / 100},
        "facts": {"width": 96, "height": 64},
        "provenance": {"long_positive": {"recipe": "hqclip", "worker": "rules", "model": "rules"}},
    }


def _place(number: int) -> dict[str, str]:
    return {"shard": "00000.tar", "key": f"{number:09d}"}


def hostile_report(*, compared: bool = False) -> Report:
    """Return a report of 120 published and 5 rejected samples; where compared, sample 1 has changed."""
    room = TextRoom(left=10**7)
    shown = picture().view()
    views: list[View] = [
        published_view(record(number), _place(number), room) | {"picture": shown} for number in range(SAMPLES)
    ]
    for number in range(REJECTED):
        row = {"uid": f"r{number}", "shard": "in.tar", "key": f"r{number}", "stage": "profile",
               "kind": "dropped", "reason": "words", "value": "2 words"}  # fmt: skip
        gone = Picture(note="the input shard is not there any more").view()
        view = rejected_view(row, {"alt_text": "too short"}, room)
        views.append(view | {"picture": shown if number else gone})
    against = None
    if compared:
        for number in range(SAMPLES):
            views[number]["set"] = "here" if number == 2 else "same"
        changes = changed_texts(record(1), record(1) | {"caption": "An old caption about thing 1."}, room)
        views[1] |= {"set": "differs", "changes": changes}
        against = Against(
            run=RUN | {"name": "other"}, measures=Measures(), both=119, only_here=1, only_there=0,
            records=1, captions=1,
        )  # fmt: skip
    measures = Measures(side=Counter({64.0: SAMPLES}), caption_words=Counter({5.0: SAMPLES}))
    return Report(run=RUN, measures=measures, views=views, against=against)
