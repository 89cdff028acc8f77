"""The columns of the shards as Hugging Face's `datasets` reads them, for the card's front matter.

Without them it guesses from the first five samples: pictures of a format that is not among these, and fields
that are empty there, are then lost or break the reading.
"""

from collections.abc import Mapping
from typing import Any

from schemas.annotation import FIELDS, is_list_field
from schemas.scoring import SCORED_FIELDS

_ENDINGS = {"jpeg": "jpg"}
_FACTS = {
    "width": "int64",
    "height": "int64",
    "format": "string",
    "mode": "string",
    "frames": "int64",
    "orientation": "int64",
    "sha256": "string",
    "phash": "string",
    "brightness": "float64",
    "contrast": "float64",
    "sharpness": "float64",
    "entropy": "float64",
    "colours": ["string"],
    "language": "string",
    "words": "int64",
    "chars": "int64",
    "mended": ["string"],
}
_REGION = {"box": ["float64"], "phrase": "string", "score": "float64", "raw_score": "float64"}
_SCORES = {"clip_alt": "float64", "clip_caption": "float64"} | {
    f"clip_{name}": ["float64"] if is_list_field(name) else "float64" for name in SCORED_FIELDS
}


def member_ending(image_format: str) -> str:
    """Return how members of an image format are named.

    >>> member_ending("jpeg"), member_ending("webp")
    ('jpg', 'webp')
    """
    return _ENDINGS.get(image_format, image_format)


def features(formats: Mapping[str, int], covered: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the features: a picture for each format there is, the text, and the record.

    Of the record it has what every set can have: not `source.json`, which is as the input had it, nor
    `provenance`. Scores are there where samples have them.

    Args:
        formats: samples by the format of their picture.
        covered: samples by what they have; `clip_alt` or `clip_caption` among it where there are scores.
    """
    scored = any(covered.get(name) for name in ("clip_alt", "clip_caption"))
    record = {
        "uid": "string",
        "url": "string",
        "alt_text": "string",
        "caption": "string",
        "source": {"shard": "string", "key": "string"},
        **{name: ["string"] if is_list_field(name) else "string" for name in FIELDS},
        "regions": [_REGION],
        **({"scores": _SCORES} if scored else {}),
        "facts": _FACTS,
    }
    pictures = [_feature(member_ending(name), "image") for name in sorted(formats)]
    return [*pictures, _feature("txt", "string"), _feature("json", record)]


def _feature(name: str, kind: Any) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"name": name, "dtype": kind}
    if isinstance(kind, dict):
        return {"name": name, "struct": [_feature(*item) for item in kind.items()]}
    (item,) = kind
    if isinstance(item, str):
        return {"name": name, "sequence": item}
    return {"name": name, "list": [_feature(*inner) for inner in item.items()]}
