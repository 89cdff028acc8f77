"""What the report's gallery holds of one sample: JSON values, every text within its bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dataset_cards.report_changes import Part, word_changes
from dataset_cards.report_scores import REALIGNED, beside_texts, mended_texts, other_scores, single_scores
from dataset_cards.report_text import TextRoom
from dataset_cards.report_values import (
    MAX_FACT_CHARS,
    MAX_ITEMS,
    as_mapping,
    as_text,
    as_texts,
    name_of,
    short_texts,
)
from schemas.annotation import FIELDS
from schemas.regions import read_region

_PAIRED = ("long_positive", "long_negative")
_TAGS = ("short_positive", "short_negative")
_LISTED = tuple(name for name in FIELDS if name not in (*_PAIRED, "regions"))

View = dict[str, Any]
"""`kind` (published, dropped, failed, other), `uid`, `key`, `shard`, `source`, `alt`, `caption`, `pairs`
[[part]], `texts` {field: [text]}, `beside` {field: {clip: [score], f_clipscore_grad: [score], realigned:
[place]}}, `regions` [{box, phrase, score, raw}], `scores`, `others` (scores that are texts), `facts`, `who`
{field or realigned: {...}}, `fields`, `recipes`, `picture`; of those that are not published `stage`,
`reason` and `value`; where two runs are compared `set` (same, differs, here, there) and `changes` {field:
[[part]]}."""


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
    source = as_mapping(record.get("source"))
    beside = beside_texts(record, room)
    view: View = {
        "kind": "published",
        "uid": room.take(as_text(record.get("uid")), MAX_FACT_CHARS),
        **place,
        "alt": room.take(as_text(record.get("alt_text"))),
        "caption": room.take(as_text(record.get("caption"))),
        "pairs": _pairs(record, room),
        "texts": {name: _list(record, name, room) for name in _LISTED if as_texts(record.get(name))},
        "regions": _regions(record.get("regions"), room),
        "beside": beside,
        "scores": single_scores(record),
        "others": other_scores(record, beside, room),
        "facts": short_texts(as_mapping(record.get("facts")), room),
        "who": _who(record, room),
        "source": room.take(f"{as_text(source.get('shard'))}: {as_text(source.get('key'))}", MAX_FACT_CHARS),
        "url": room.take(as_text(record.get("url")), MAX_FACT_CHARS),
        "fields": [name for name in FIELDS if record.get(name)],
    }
    recipes = {name_of(as_text(by.get("recipe"))) for by in _writers(record).values()}
    view["recipes"] = sorted(recipes - {""})
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
        **{name: room.take(as_text(row.get(name)), MAX_FACT_CHARS) for name in ("uid", "shard", "key")},
        **{name: as_text(row.get(name))[:MAX_FACT_CHARS] for name in ("stage", "reason")},
        "value": room.take(as_text(row.get("value")), MAX_FACT_CHARS),
        "alt": room.take(as_text(facts.get("alt_text"))),
        "url": room.take(as_text(facts.get("url")), MAX_FACT_CHARS),
        "facts": short_texts(
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
    positive, negative = (as_texts(record.get(name)) for name in _PAIRED)
    both = list(zip_longest(positive, negative))[:MAX_ITEMS]
    return [word_changes(room.take(yes or ""), room.take(no)) if no else [room.take(yes)] for yes, no in both]


def _writers(record: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    written = as_mapping(record.get("provenance"))
    return {name: as_mapping(by) for name, by in written.items() if name in (*FIELDS, REALIGNED)}


def _who(record: Mapping[str, Any], room: TextRoom) -> dict[str, dict[str, str]]:
    """Return who wrote each field, and under `realigned` who wrote sentences anew, and which."""
    who = {name: short_texts(by, room) for name, by in _writers(record).items()}
    if REALIGNED in who and (texts := mended_texts(record)):
        who[REALIGNED] |= {"sentences": room.take(", ".join(texts), MAX_FACT_CHARS)}
    return who


def _list(record: Mapping[str, Any], name: str, room: TextRoom) -> list[str]:
    texts = as_texts(record.get(name))
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


def _phrases(value: Any) -> list[str]:
    if isinstance(value, list):
        return [as_text(item.get("phrase")) if isinstance(item, dict) else as_text(item) for item in value]
    return as_texts(value)
