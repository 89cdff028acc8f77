"""Read a YAML configuration, apply `--set`, validate; every mistake is a line that names field and mend."""

import json
import re
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from pipelines.config_errors import explain_errors
from pipelines.yaml_errors import explain_yaml
from schemas.errors import ConfigError
from schemas.section import Section

Config = TypeVar("Config", bound=Section)

MAX_CONFIG_BYTES = 2**20


class _Loader(yaml.SafeLoader):
    """YAML without code; a key given twice is an error, not a silent choice of the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        taken: list[object] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in taken:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice; take one out", key_node.start_mark
                )
            taken.append(key)
        return super().construct_mapping(node, deep)


def load_config(
    path: str,
    kind: type[Config],
    settings: Iterable[str] = (),
    output: str | None = None,
    *,
    writes: bool = True,
) -> Config:
    """Return the validated configuration in a YAML file, changed by `a.b=value` settings.

    Args:
        kind: what the file configures: `RunConfig`, `TrainConfig`, ...
        output: instead of the file's.
        writes: whether anything is written, so that an output is needed.

    Raises:
        ConfigError: the file is not there, is no YAML, or does not describe such a thing.
    """
    values = parse_yaml(path, read_text(path))
    for setting in settings:
        apply_setting(values, setting)
    if output is not None:
        values["output"] = output
    elif not writes:
        values.setdefault("output", "nowhere")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        lines = explain_errors(error, kind, values)
        raise ConfigError("\n".join(f"{path}: {line}" for line in lines)) from error


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
        place, sentence = explain_yaml(error, text)
        raise ConfigError(f"{path}{place and ', '}{place}: {sentence}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: holds no `field: value` lines; start from one in configs/")
    return values


def apply_setting(values: dict[str, Any], setting: str) -> None:
    """Change one value in place; `a.b=value`, where a number (`a.0` or `a[0]`) names an item of a list.

    Raises:
        ConfigError: the setting is no `path=value`, or its path leads through a value.
    """
    path, equals, text = setting.partition("=")
    names = re.sub(r"\[(\d+)\]", r".\1", path).split(".")
    if not equals or not all(names):
        raise ConfigError(f"--set {setting}: write it as path.to.field=value")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"--set {setting}: {explain_yaml(error, text)[1]}") from error
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


def config_schema(kind: type[Section]) -> str:
    """Return the JSON Schema of a configuration, for editors."""
    return json.dumps(kind.model_json_schema(by_alias=True), indent=2)
