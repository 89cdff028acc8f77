"""What the report's gallery holds of one sample: JSON values, every text within its bounds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dataset_cards.report_changes import Part, word_changes
from dataset_cards.report_text import TextRoom, visible_text
from schemas.annotation import FIELDS
from schemas.regions import read_region

MAX_ITEMS = 40
"""Of a list, those after are not shown."""
MAX_FACT_CHARS = 300

_PAIRED = ("long_positive", "long_negative")
_TAGS = ("short_positive", "short_negative")
_LISTED = tuple(name for name in FIELDS if name not in (*_PAIRED, "regions"))

View = dict[str, Any]
"""`kind` (published, dropped, failed, other), `uid`, `key`, `shard`, `source`, `alt`, `caption`, `pairs`
[[part]], `texts` {field: [text]}, `regions` [{box, phrase, score, raw}], `scores`, `facts`, `who` {field:
{...}}, `fields`, `recipes`, `picture`; of those that are not published `stage`, `reason` and `value`; where
two runs are compared `set` (same, differs, here, there) and `changes` {field: [[part]]}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A reduced picture as a data: URI with its size in px, or why there is none."""

    uri: str | None = None
    width: int = 0
    height: int = 0
    note: str = ""

    def view(self) -> dict[str, Any]:
        """Return the JSON values."""
        if self.uri is None:
            return {"note": self.note}
        return {"uri": self.uri, "width": self.width, "height": self.height}


def published_view(record: Mapping[str, Any], place: Mapping[str, str], room: TextRoom) -> View:
    """Return the view of a published sample, without its picture.

    Args:
        record: its KEY.json, which is not trusted: what is not as promised is left out.
        place: shard and key in the output.
        room: for all its texts; those that a reader looks at first take theirs first.
    """
    source = _mapping(record.get("source"))
    who = {name: _mapping(by) for name, by in _mapping(record.get("provenance")).items() if name in FIELDS}
    view: View = {
        "kind": "published",
        "uid": room.take(_text(record.get("uid")), MAX_FACT_CHARS),
        **place,
        "alt": room.take(_text(record.get("alt_text"))),
        "caption": room.take(_text(record.get("caption"))),
        "pairs": _pairs(record, room),
        "texts": {name: _list(record, name, room) for name in _LISTED if _texts(record.get(name))},
        "regions": _regions(record.get("regions"), room),
        "scores": _scores(record.get("scores")),
        "facts": _facts(_mapping(record.get("facts")), room),
        "who": {name: _facts(by, room) for name, by in who.items()},
        "source": room.take(f"{_text(source.get('shard'))}: {_text(source.get('key'))}", MAX_FACT_CHARS),
        "url": room.take(_text(record.get("url")), MAX_FACT_CHARS),
        "fields": [name for name in FIELDS if record.get(name)],
    }
    view["recipes"] = sorted(
        {visible_text(_text(by.get("recipe"))[:MAX_FACT_CHARS]) for by in who.values()} - {""}
    )
    return view


def rejected_view(row: Mapping[str, Any], facts: Mapping[str, Any], room: TextRoom) -> View:
    """Return the view of a sample that was not published, without its picture.

    Args:
        row: of `rejected/`: uid, shard, key, stage, kind, reason, value.
        facts: what was measured of it, with `alt_text`; empty where the measurements are gone.
        room: for all its texts.
    """
    return {
        "kind": "failed" if row.get("kind") == "failed" else "dropped",
        **{name: room.take(_text(row.get(name)), MAX_FACT_CHARS) for name in ("uid", "shard", "key")},
        **{name: _text(row.get(name))[:MAX_FACT_CHARS] for name in ("stage", "reason")},
        "value": room.take(_text(row.get("value")), MAX_FACT_CHARS),
        "alt": room.take(_text(facts.get("alt_text"))),
        "url": room.take(_text(facts.get("url")), MAX_FACT_CHARS),
        "facts": _facts(
            {name: value for name, value in facts.items() if name not in ("alt_text", "url")}, room
        ),
    }


def changed_texts(
    here: Mapping[str, Any], there: Mapping[str, Any], room: TextRoom
) -> dict[str, list[list[Part]]]:
    """Return how the texts of a sample differ from those that another run wrote, by field.

    Texts of a list are compared by their place; fields that are the same in both are left out.
    """
    changes: dict[str, list[list[Part]]] = {}
    for name in ("caption", *FIELDS):
        ours, theirs = _phrases(here.get(name)), _phrases(there.get(name))
        if ours != theirs:
            both = list(zip_longest(theirs, ours, fillvalue=""))[:MAX_ITEMS]
            changes[name] = [word_changes(room.take(old), room.take(new)) for old, new in both]
    return changes


def _pairs(record: Mapping[str, Any], room: TextRoom) -> list[list[Part]]:
    positive, negative = (_texts(record.get(name)) for name in _PAIRED)
    both = list(zip_longest(positive, negative))[:MAX_ITEMS]
    return [word_changes(room.take(yes or ""), room.take(no)) if no else [room.take(yes)] for yes, no in both]


def _list(record: Mapping[str, Any], name: str, room: TextRoom) -> list[str]:
    texts = _texts(record.get(name))
    more = len(texts) - MAX_ITEMS
    return [*map(room.take, texts[:MAX_ITEMS]), *([f"… and {more:,} more"] if more > 0 else [])]


def _regions(value: Any, room: TextRoom) -> list[dict[str, Any]]:
    regions = map(read_region, value[:MAX_ITEMS] if isinstance(value, list) else [])
    return [
        {
            "box": [round(side, 4) for side in region.box],
            "phrase": room.take(region.phrase, MAX_FACT_CHARS),
            "score": region.score,
            "raw": region.raw_score,
        }
        for region in regions
        if region is not None
    ]


def _scores(value: Any) -> dict[str, float]:
    named = list(_mapping(value).items())[:MAX_ITEMS]
    return {visible_text(name[:MAX_FACT_CHARS]): float(score) for name, score in named if _is_number(score)}


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _facts(facts: Mapping[str, Any], room: TextRoom) -> dict[str, str]:
    """Return the facts that there are as short texts; what is null, empty or an object is left out."""
    shown = {}
    for name, value in list(facts.items())[:MAX_ITEMS]:
        if text := ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else _fact(value):
            shown[visible_text(name[:MAX_FACT_CHARS])] = room.take(text, MAX_FACT_CHARS)
    return shown


def _fact(value: Any) -> str:
    if value is None or isinstance(value, (dict, bytes)):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _phrases(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text(item.get("phrase")) if isinstance(item, dict) else _text(item) for item in value]
    return _texts(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for text in value if isinstance(text, str)]
    return [value] if isinstance(value, str) and value else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
