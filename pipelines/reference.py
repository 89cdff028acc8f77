"""Print the reference of filters, reasons and configuration in Markdown: `python -m pipelines.reference`."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.config import RunConfig
from schemas.evaluate import EvaluateConfig
from schemas.filters import Filter
from schemas.reasons import MENDED, REASONS
from schemas.train import TrainConfig

CONFIGURATIONS: dict[str, type[BaseModel]] = {
    "Configuration": RunConfig,
    "Configuration of `pairwright train`": TrainConfig,
    "Configuration of `pairwright evaluate`": EvaluateConfig,
}


def reference() -> Iterator[str]:
    """Yield the lines of docs/reference.md."""
    yield "# Reference\n"
    yield "Made from the code by `python -m pipelines.reference`; a test holds the two together.\n"
    yield "## Filters\n"
    yield "`profile.filters` runs them in order; the first that objects gives the reason: its kind.\n"
    yield "| kind | options | |\n|---|---|---|"
    for model in get_args(get_args(Filter)[0]):
        kind = get_args(model.model_fields["kind"].annotation)[0]
        yield f"| `{kind}` | {_options(model)} | {_line(model.__doc__)} |"
    yield "\n## Reasons\n"
    yield "What a row of `rejected/` can say besides the kind of a filter.\n"
    yield "| reason | meaning |\n|---|---|"
    yield from (f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items())
    yield "\n## Mended\n"
    yield "What could be mended without guessing, as `facts.mended` of a sample says.\n"
    yield "| note | meaning |\n|---|---|"
    yield from (f"| `{note}` | {meaning} |" for note, meaning in MENDED.items())
    for title, model in CONFIGURATIONS.items():
        yield f"\n## {title}\n"
        if model is RunConfig:
            yield "`pairwright schema` prints it as JSON Schema.\n"
        yield "| field | default | |\n|---|---|---|"
        yield from (_row(place, field) for place, field in settings(model))


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the place of each setting of a section, and then of the sections in it.

    `[]` stands for an item of a list, NAME for a name of the user's, and a kind in brackets for a section
    that is of one of several kinds. Filters are left out: they have a table of their own.
    """
    told = prefix.endswith(").")  # of which kind the section is
    fields = {
        f"{prefix}{field.alias or name}": field
        for name, field in model.model_fields.items()
        if not (told and name == "kind")
    }
    yield from fields.items()
    for place, field in fields.items():
        sections = [part for part in _parts(field.annotation) if _is_section(part)]
        container = next(iter(_containers(field.annotation)), "")
        for section in sections:
            kind = f"({_kind(section)})" if len(sections) > 1 else ""
            if place != "profile.filters":
                yield from settings(section, f"{place}{container}{kind}.")


def _is_section(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _kind(section: type[BaseModel]) -> str:
    return str(get_args(section.model_fields["kind"].annotation)[0])


def _containers(annotation: Any) -> Iterator[str]:
    """Yield what a list or mapping in a type adds to a place."""
    if get_origin(annotation) in (tuple, list):
        yield "[]"
    if get_origin(annotation) is dict:
        yield ".NAME"
    for inner in get_args(annotation):
        yield from _containers(inner)


def _row(place: str, field: FieldInfo) -> str:
    default = "needed" if field.is_required() else f"`{_value(field.get_default(call_default_factory=True))}`"
    return f"| `{place}` | {default} | {_about(field)} |"


def _options(model: type[BaseModel]) -> str:
    shown = []
    for name, field in model.model_fields.items():
        if name != "kind":
            shown.append(f"`{name}`" if field.is_required() else f"`{name}: {_value(field.default)}`")
    return ", ".join(shown)


def _about(field: FieldInfo) -> str:
    """Return a field's description, else that of the section that it is; and the names it may have."""
    sections = [part for part in _parts(field.annotation) if _is_section(part)]
    about = field.description or (sections[0].__doc__ if len(sections) == 1 else "")
    names = [f"`{part}`" for part in _parts(field.annotation) if isinstance(part, str)]
    return _line(f"{about or ''} One of {', '.join(names)}." if names else about)


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types and the literals in a type."""
    inner = get_args(annotation)
    yield from (part for one in inner for part in _parts(one)) if inner else (annotation,)


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "..."
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    print("\n".join(reference()))
