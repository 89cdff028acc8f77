"""The regions of a reply, as they stand among a sample's fields."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.annotation import Fields
from schemas.boxes import read_box
from schemas.choosing import Choosing
from schemas.regions import Region, region_json
from transforms.regions.choose import choose

_NO_BOX = (math.nan,) * 4


def choose_fields(fields: Mapping[str, Any], choosing: Choosing) -> Fields:
    """Return a recipe's fields with those of its regions that `choose` takes, and why not the others.

    `regions` holds objects with `box`, `phrase` and `raw_score` (null or missing: none given).

    Raises:
        TypeError: `regions` is no list of such objects.
    """
    found = fields["regions"]
    if not isinstance(found, Sequence) or not all(isinstance(region, Mapping) for region in found):
        raise TypeError("regions is no list of objects")
    chosen = choose([_region(region) for region in found], choosing)
    before = fields.dropped if isinstance(fields, Fields) else {}
    dropped = dict(before) | {"regions": Counter(before.get("regions", {})) + Counter(chosen.dropped)}
    return Fields(dict(fields) | {"regions": [region_json(region) for region in chosen.regions]}, dropped)


def _region(value: Mapping[str, Any]) -> Region:
    phrase, score = value.get("phrase"), value.get("raw_score")
    return Region(
        box=read_box(value.get("box")) or _NO_BOX,
        phrase=phrase if isinstance(phrase, str) else "",
        raw_score=None if score is None else _number(score),
    )


def _number(value: object) -> float:
    try:
        return float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]
    except OverflowError:  # a whole number of hundreds of digits
        return math.nan
