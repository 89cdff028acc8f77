"""What the report's gallery holds of a sample's scores, and of its sentences that were mended."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataset_cards.report_text import TextRoom
from dataset_cards.report_values import (
    MAX_FACT_CHARS,
    MAX_ITEMS,
    as_mapping,
    is_number,
    name_of,
)
from schemas.annotation import FIELDS, is_list_field

Column = list[float | None] | list[int]

TEXT_FIELDS = tuple(name for name in FIELDS if is_list_field(name) and name != "regions")
KINDS = ("clip", "f_clipscore_grad")
"""Scores of single texts; those of a field are in the list KIND_FIELD."""

REALIGNED = "realigned"
"""Beside the fields of a record's `provenance`."""

_DIGITS = 6
_MOST_BYTES = 12
"""That a score takes in the page."""


def beside_texts(record: Mapping[str, Any], room: TextRoom) -> dict[str, dict[str, Column]]:
    """Return what stands beside the texts of each list field: `KINDS`, and the places of those `realigned`.

    Scores are in the order of the texts as the page has them, null where one has none. A list of another
    length than the field is nobody's, and left out.
    """
    found: dict[str, dict[str, Column]] = {}
    for field in TEXT_FIELDS:
        places = _places(record, field)
        columns: dict[str, Column] = {
            kind: [_rounded(scores[place]) for place in places]
            for kind in KINDS
            if (scores := _fitting(record, kind, field)) and _pay(room, len(places))
        }
        anew = [shown for shown, place in enumerate(places) if place in _mended_places(record, field)]
        if anew and _pay(room, len(anew)):
            columns[REALIGNED] = anew
        if columns:
            found[field] = columns
    return found


def single_scores(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores that are one number."""
    named = list(as_mapping(record.get("scores")).items())[:MAX_ITEMS]
    return {name_of(name): float(score) for name, score in named if is_number(score)}


def other_scores(
    record: Mapping[str, Any], beside: Mapping[str, Mapping[str, Column]], room: TextRoom
) -> dict[str, str]:
    """Return as texts the scores that are no number and not `beside` texts: null, tags, lists."""
    scores = as_mapping(record.get("scores"))
    placed = {f"{kind}_{field}" for field, columns in beside.items() for kind in columns}
    shown = {}
    for name, value in list(scores.items())[:MAX_ITEMS]:
        if name not in placed and (told := _told(value)):
            shown[name_of(name)] = room.take(told, MAX_FACT_CHARS)
    return shown


def mended_texts(record: Mapping[str, Any]) -> list[str]:
    """Return which sentences were written anew, as `FIELD[PLACE]`."""
    return [f"{field}[{place}]" for field in TEXT_FIELDS for place in sorted(_mended_places(record, field))]


def scores_of_texts(view: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield name and cosine of every text of a view's lists that has one."""
    for field, columns in view.get("beside", {}).items():
        yield from ((f"clip_{field}", score) for score in columns.get("clip", ()) if score is not None)


def _places(record: Mapping[str, Any], field: str) -> list[int]:
    """Return the places of the texts that are shown of a field's list."""
    return [place for place, one in enumerate(_items(record, field)) if isinstance(one, str)][:MAX_ITEMS]


def _items(record: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = record.get(field)
    return value if isinstance(value, list) else ()


def _fitting(record: Mapping[str, Any], kind: str, field: str) -> Sequence[Any]:
    """Return the scores of a field's texts; none where there are more or fewer of them than texts."""
    scores = as_mapping(record.get("scores")).get(f"{kind}_{field}")
    return scores if isinstance(scores, list) and len(scores) == len(_items(record, field)) else ()


def _mended_places(record: Mapping[str, Any], field: str) -> set[int]:
    by = as_mapping(as_mapping(record.get("provenance")).get(REALIGNED))
    value = as_mapping(by.get("sentences")).get(field)
    last = len(_items(record, field)) - 1
    places = value[: last + 1] if isinstance(value, list) else []
    return {place for place in places if type(place) is int and 0 <= place <= last}


def _pay(room: TextRoom, numbers: int) -> bool:
    """Take the room for some numbers, where there is so much."""
    if room.left < numbers * _MOST_BYTES:
        return False
    room.left -= numbers * _MOST_BYTES
    return True


def _rounded(score: Any) -> float | None:
    return round(float(score), _DIGITS) if is_number(score) else None


def _told(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        named = [f"{name} {one}" for name, one in value.items() if isinstance(one, str)]
        return ", ".join(named[:MAX_ITEMS]) or "none"
    if isinstance(value, list):
        return ", ".join(f"{one:g}" if is_number(one) else "none" for one in value[:MAX_ITEMS])
    return ""
