"""Say what is wrong with a configuration: where, as its user wrote it; the value; what may stand there."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schemas.section import Section

MOST = 5
"""Mistakes that are told at once."""

_Place = tuple[str | int, ...]

_WRONG: dict[str, str] = {
    "string_type": "is no text; put it in quotes",
    "string_too_short": "is empty; give a text",
    "string_too_long": "has over {max_length} characters; shorten it",
    "int_type": "is no whole number; give one",
    "int_parsing": "is no whole number; give one",
    "int_from_float": "is no whole number; give one",
    "float_type": "is no number; give one",
    "float_parsing": "is no number; give one",
    "finite_number": "is no finite number; give one",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "tuple_type": "is no list; write [a, b]",
    "dict_type": "is no section; write its `name: value` lines below it",
    "too_short": "has too few items; give {min_length} or more",
    "too_long": "has too many items; give {max_length} or fewer",
    "greater_than_equal": "is too small; give {ge} or more",
    "greater_than": "is too small; give more than {gt}",
    "less_than_equal": "is too large; give {le} or less",
    "less_than": "is too large; give less than {lt}",
}
"""What pydantic's errors mean, by their type; in braces, its own figures."""


def explain_errors(error: ValidationError, kind: type[Section], values: Mapping[str, Any]) -> list[str]:
    """Return a line for each mistake in a configuration: its place, as in `score.keep[0].of`, and the mend.

    Args:
        kind: what the values configure.
        values: those that were validated.
    """
    errors = error.errors()
    misspelt = {_meant(detail, kind) for detail in errors if detail["type"] == "extra_forbidden"}
    details = [one for one in errors if not (_follows(one) or one["loc"] in misspelt)]
    lines = [_explain(detail, kind, values) for detail in details[:MOST]]
    return [*lines, f"and {len(details) - MOST} more"] if len(details) > MOST else lines


def _follows(detail: ErrorDetails) -> bool:
    """Return whether a list seems short only because its items are wrong, which is told of them."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _meant(detail: ErrorDetails, kind: type[Section]) -> _Place:
    """Return the place that an unknown field seems to be meant for: that it is missing need not be told."""
    *section, name = detail["loc"]
    return (*section, *difflib.get_close_matches(str(name).lower(), _fields(kind, section), n=1))


def _explain(detail: ErrorDetails, kind: type[Section], values: Mapping[str, Any]) -> str:
    return f"{_written(detail['loc'], values)}: {_wrong(detail, kind)}"


def _wrong(detail: ErrorDetails, kind: type[Section]) -> str:
    """Return what is wrong with a field's name, or with one of the names that may stand there."""
    context, what = detail.get("ctx", {}), detail["type"]
    if what == "missing":
        return "missing; add it"
    if what == "extra_forbidden":
        *section, name = detail["loc"]
        known = _fields(kind, section)
        return f"unknown field; {_near(name, known).rstrip() or _listed(known)}"
    if what == "literal_error":
        known = _quoted(context["expected"])
        return f"{_shown(detail['input'])} is not known; {_near(detail['input'], known)}{_listed(known)}"
    if what == "union_tag_invalid":
        known = _quoted(context["expected_tags"])
        return f"unknown kind {context['tag']!r}; {_near(context['tag'], known)}{_listed(known)}"
    if what == "union_tag_not_found":
        return f"has no kind; add one: {', '.join(_kinds(kind, detail['loc']))}"
    return _wrong_value(detail, kind)


def _wrong_value(detail: ErrorDetails, kind: type[Section]) -> str:
    context, value, what = detail.get("ctx", {}), detail["input"], detail["type"]
    field = _field(kind, detail["loc"])
    if value is None:
        return f"has no value; {'give one' if field and field.is_required() else 'give one, or leave it out'}"
    if what in ("model_type", "model_attributes_type"):
        if kinds := _kinds(kind, detail["loc"]):
            return f"{_shown(value)} is no section; write {{kind: ...}}, one of {', '.join(kinds)}"
        return f"{_shown(value)} is no section; its fields are {', '.join(_fields(kind, detail['loc']))}"
    if what == "string_pattern_mismatch":
        about = f" ({field.description.rstrip('.')})" if field and field.description else ""
        return f"{_shown(value)} does not match {context['pattern']}{about}"
    if what == "too_short" and not value:
        return "is an empty list; give at least one item"
    if what in _WRONG:
        figures = {
            name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in context.items()
        }
        return f"{_shown(value)} {_WRONG[what].format_map(figures)}"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, Mapping | list | tuple) else f" (is {_shown(value)})"
    return f"{message[:1].lower()}{message[1:]}{shown}"


def _near(name: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(name).lower(), known, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def _listed(known: Sequence[str]) -> str:
    return f"known: {', '.join(known)}"


def _quoted(listed: str) -> list[str]:
    """Return the names in pydantic's list of what may stand somewhere."""
    return re.findall("'([^']*)'", listed)


def _shown(value: object) -> str:
    """Return a value as YAML has it, cut where it is long."""
    plain = {True: "true", False: "false", None: "nothing"}
    text = plain[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _written(location: _Place, values: object) -> str:
    """Return a location as its user wrote it; pydantic names the kind of a filter or worker in it as well.

    >>> _written(("filters", 0, "words", "min"), {"filters": [{"kind": "words", "min": "x"}]})
    'filters[0].min'
    """
    text, here, entered = "", values, False
    for part in location:
        if entered and isinstance(here, Mapping) and here.get("kind") == part:
            entered = False
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        entered = True
        if isinstance(here, list | tuple) and isinstance(part, int):
            here = here[part] if part < len(here) else None
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
    return text or "configuration"


def _fields(kind: type[Section], location: Sequence[str | int]) -> list[str]:
    """Return the names of a section's fields."""
    return [f.alias or name for m in _models(kind, location) for name, f in m.model_fields.items()]


def _kinds(kind: type[Section], location: Sequence[str | int]) -> list[str]:
    """Return the kinds of section that may stand at a location; none where there is but one."""
    models = _models(kind, location)
    return [tag for model in models for tag in _tags(model)] if len(models) > 1 else []


def _field(kind: type[Section], location: Sequence[str | int]) -> FieldInfo | None:
    """Return the field that a value, or the list that it is of, belongs to."""
    names = [part for part in location if isinstance(part, str)]
    for model in _models(kind, names[:-1]):
        for name, field in model.model_fields.items():
            if names and names[-1] == (field.alias or name):
                return field
    return None


def _models(kind: type[Section], location: Sequence[str | int]) -> list[type[BaseModel]]:
    """Return the sections that may stand at a location."""
    models: list[type[BaseModel]] = [kind]
    for name in location:
        if tagged := [model for model in models if name in _tags(model)]:
            models = tagged
        else:
            here = [f for m in models for n, f in m.model_fields.items() if (f.alias or n) == name]
            models = [model for f in here for model in _models_in(f.annotation)] or models
    return models


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    """Return the values of `kind` by which a section of several kinds is told."""
    field = model.model_fields.get("kind")
    return () if field is None else get_args(field.annotation)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
