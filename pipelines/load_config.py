"""Read a YAML configuration, apply `--set`, validate; every mistake is a line that names field and mend."""

import difflib
import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import ConfigError
from schemas.section import Section

Config = TypeVar("Config", bound=Section)

MAX_CONFIG_BYTES = 2**20


class _Loader(yaml.SafeLoader):
    """YAML without code; a key given twice is an error, not a silent choice of the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def load_config(
    path: str, kind: type[Config], settings: Iterable[str] = (), output: str | None = None
) -> Config:
    """Return the validated configuration in a YAML file, changed by `a.b=value` settings.

    Args:
        kind: what the file configures: `RunConfig`, `TrainConfig`, ...
        output: instead of the file's.

    Raises:
        ConfigError: the file is not there, is no YAML, or does not describe such a thing.
    """
    values = parse_yaml(path, read_text(path))
    for setting in settings:
        apply_setting(values, setting)
    if output is not None:
        values["output"] = output
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in explain_errors(error, kind))) from error


def read_text(path: str) -> str:
    """Return the text of a configuration file."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; give the path of a configuration, such as those in configs/"
        ) from error
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: over 1 MiB; give a configuration, not data")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; give a YAML file") from error


def parse_yaml(path: str, text: str) -> dict[str, Any]:
    """Return the mapping in a YAML text."""
    try:
        values = yaml.load(text, _Loader)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: holds no `field: value` lines; start from one in configs/")
    return values


def apply_setting(values: dict[str, Any], setting: str) -> None:
    """Change one value in place; `a.b=value`, where a number names an item of a list.

    Raises:
        ConfigError: the setting is no `path=value`, or its path leads through a value.
    """
    path, equals, text = setting.partition("=")
    names = path.split(".")
    if not equals or not all(names):
        raise ConfigError(f"--set {setting}: write it as path.to.field=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {setting}: {' '.join(str(error).split())}") from error
    place: Any = values
    for depth, name in enumerate(names):
        last = depth == len(names) - 1
        if isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            key: Any = int(name)
        elif isinstance(place, dict):
            key = name
        else:
            raise ConfigError(f"--set {setting}: {'.'.join(names[:depth])} has no {name!r}")
        if last:
            place[key] = value
        else:
            if isinstance(place, dict) and place.get(key) is None:
                place[key] = {}
            place = place[key]


def explain_errors(error: ValidationError, kind: type[Section]) -> list[str]:
    """Return a line for each mistake in such a configuration: the field, the value, and the mend."""
    details = error.errors()
    lines = [_explain(detail, kind) for detail in details[:5]]
    return [*lines, f"and {len(details) - 5} more"] if len(details) > 5 else lines


def _explain(detail: ErrorDetails, kind: type[Section]) -> str:
    # Of a list of several kinds (filters), the kind stands in the location as well, behind the number.
    location = [str(part) for part in detail["loc"]]
    where = ".".join(location) or "configuration"
    value = detail.get("input")
    if detail["type"] == "extra_forbidden":
        known = _known_fields(kind, location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{where}: unknown field; {mend}"
    if detail["type"] == "missing":
        return f"{where}: missing; add it"
    if detail["type"] == "union_tag_invalid":
        kinds = [kind.strip("'") for kind in str(detail["ctx"]["expected_tags"]).split(", ")]
        near = difflib.get_close_matches(str(detail["ctx"]["tag"]), kinds, n=1)
        mend = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(kinds)}"
        return f"{where}: unknown kind {detail['ctx']['tag']!r}; {mend}"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(value, Mapping | list | tuple) or value is None else f" (is {_short(value)})"
    return f"{where}: {message[:1].lower()}{message[1:]}{shown}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_fields(kind: type[Section], location: Sequence[str]) -> list[str]:
    """Return the fields of the section at a location."""
    models: list[type[BaseModel]] = [kind]
    for name in location:
        if tagged := [model for model in models if name in _tags(model)]:
            models = tagged
        else:
            here = [f for m in models for n, f in m.model_fields.items() if (f.alias or n) == name]
            models = [model for f in here for model in _models_in(f.annotation)] or models
    return [f.alias or name for m in models for name, f in m.model_fields.items()]


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the values of `kind` by which a section of several kinds is told."""
    field = model.model_fields.get("kind")
    return () if field is None else get_args(field.annotation)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def config_schema(kind: type[Section]) -> str:
    """Return the JSON Schema of a configuration, for editors."""
    return json.dumps(kind.model_json_schema(by_alias=True), indent=2)
