"""Let the filters judge a sample's facts."""

import json
from collections.abc import Callable, Sequence
from functools import singledispatch

from schemas.facts import Facts
from schemas.filters import (
    Animated,
    Aspect,
    Brightness,
    Bytes,
    Chars,
    Contrast,
    Entropy,
    FileName,
    Filter,
    Html,
    Json,
    Language,
    Pixels,
    Repetition,
    Sharpness,
    Side,
    Url,
    Words,
)

Range = Words | Chars | Bytes | Pixels | Brightness | Contrast | Sharpness | Entropy

_MEASURES: dict[type[Range], tuple[Callable[[Facts], float], str]] = {
    Words: (lambda facts: facts.words, "{:g} words"),
    Chars: (lambda facts: facts.chars, "{:g} characters"),
    Bytes: (lambda facts: facts.size_bytes, "{:.0f} bytes"),
    Pixels: (lambda facts: facts.width * facts.height, "{:.0f} pixels"),
    Brightness: (lambda facts: facts.brightness, "brightness {:.4g}"),
    Contrast: (lambda facts: facts.contrast, "contrast {:.4g}"),
    Sharpness: (lambda facts: facts.sharpness, "sharpness {:.4g}"),
    Entropy: (lambda facts: facts.entropy, "entropy {:.4g} bits"),
}
"""What each range filter looks at, and how its value is written."""


def objection(filters: Sequence[Filter], facts: Facts) -> tuple[str, str] | None:
    """Return the kind of the first filter that objects, and what it saw; None where all let the sample pass.

    >>> objection([Words(kind="words", min=3)], Facts(index=0, uid="u", key="k", words=2))
    ('words', '2 words')
    """
    for each in filters:
        value = _objects(each, facts)
        if value is not None:
            return each.kind, value
    return None


def _outside(value: float, low: float | None, high: float | None) -> bool:
    """Return whether the value is not in the range, which NaN never is."""
    within = value == value and (low is None or value >= low) and (high is None or value <= high)
    return not within


@singledispatch
def _objects(condition: object, facts: Facts) -> str | None:
    """Return what the filter objects to, in a few words, or None."""
    raise TypeError(f"filter {condition!r} has no rule; add one to transforms.filter_facts")


def _range_objects(condition: Range, facts: Facts) -> str | None:
    measure, wording = _MEASURES[type(condition)]
    value = measure(facts)
    return wording.format(value) if _outside(value, condition.min, condition.max) else None


for _kind in _MEASURES:
    _objects.register(_kind, _range_objects)


@_objects.register
def _(condition: Side, facts: Facts) -> str | None:
    side = min(facts.width, facts.height)
    return f"{side} px" if side < condition.min_px else None


@_objects.register
def _(condition: Aspect, facts: Facts) -> str | None:
    longer, shorter = max(facts.width, facts.height), min(facts.width, facts.height)
    if shorter < 1:
        return f"{facts.width}x{facts.height} px"
    aspect = longer / shorter
    return f"aspect {aspect:.4g}" if _outside(aspect, None, condition.max) else None


@_objects.register
def _(condition: Language, facts: Facts) -> str | None:
    if facts.language is None:
        return "no language"
    allowed = facts.language in condition.allow
    if allowed and not _outside(facts.language_probability, condition.min_probability, None):
        return None
    return f"{facts.language} {facts.language_probability:.2f}"


@_objects.register
def _(condition: Html, facts: Facts) -> str | None:
    return "html" if facts.has_html else None


@_objects.register
def _(condition: Url, facts: Facts) -> str | None:
    return "url" if facts.has_url else None


@_objects.register
def _(condition: FileName, facts: Facts) -> str | None:
    return "file name" if facts.is_file_name else None


@_objects.register
def _(condition: Animated, facts: Facts) -> str | None:
    return f"{facts.frames} frames" if facts.frames > 1 else None


@_objects.register
def _(condition: Repetition, facts: Facts) -> str | None:
    outside = _outside(facts.repetition, None, condition.max)
    return f"repetition {facts.repetition:.4g}" if outside else None


@_objects.register
def _(condition: Json, facts: Facts) -> str | None:
    number = json.loads(facts.extra).get(condition.field)
    if number is None:
        return f"no {condition.field}" if condition.missing == "drop" else None
    outside = _outside(float(number), condition.min, condition.max)
    return f"{condition.field} {number:.4g}" if outside else None
