"""JSON from outside, whose fields have the types that are said or give a clear error."""

import json
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, RunError

MAX_JSON_BYTES = 64 * 2**20


def parse_json(data: bytes, where: str) -> Any:
    """Return what the JSON holds; `where` says in errors what it is.

    Raises:
        RunError: it is no JSON, or too deep.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where} is no JSON ({' '.join(str(error).split())[:120]})") from error


def read_json_file(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        ConfigError: it is not there.
        RunError: it is over 64 MiB, or no JSON.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_JSON_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ConfigError(f"{path} is not there; give the folder of the set") from error
    if len(data) > MAX_JSON_BYTES:
        raise RunError(f"{path} has over {MAX_JSON_BYTES} bytes; it is not the file that was expected")
    return parse_json(data, str(path))


def as_object(value: Any, where: str) -> dict[str, Any]:
    """Return the value if it is a JSON object.

    Raises:
        RunError: it is not.
    """
    if not isinstance(value, dict):
        raise RunError(f"{where} holds {type(value).__name__}, not an object")
    return value


def as_text(value: Any, where: str) -> str:
    """Return the value if it is a text.

    Raises:
        RunError: it is not.
    """
    if not isinstance(value, str):
        raise RunError(f"{where} is {type(value).__name__}, not a text")
    return value


def as_texts(value: Any, where: str) -> tuple[str, ...]:
    """Return the value if it is a list of texts.

    Raises:
        RunError: it is not.
    """
    if not isinstance(value, list):
        raise RunError(f"{where} is {type(value).__name__}, not a list")
    return tuple(as_text(text, where) for text in value)
