"""Whether a reply is JSON of the shape that was asked for, or its server let the schema go unheeded."""

import json
from collections.abc import Mapping
from typing import Any

from lvlm_workers.base import Reply

NOT_ITS_OWN_END = frozenset({"length", "max_tokens", "content_filter", "refusal", "refused_request"})
"""Finish reasons of replies that were cut, declined or never written: no schema can be held to these."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def ignores_schema(reply: Reply, schema: Mapping[str, Any]) -> bool | None:
    """Return whether a reply is not of the schema's shape; None where that says nothing of the server.

    A server that enforces the schema writes nothing but such JSON: prose, a code fence around it or thoughts
    before it are not. Raw control characters inside strings pass, as some servers that enforce write them.
    """
    if reply.finish_reason in NOT_ITS_OWN_END:
        return None
    try:
        value = json.loads(reply.text, strict=False)
    except (ValueError, RecursionError):
        return True
    return not has_shape(value, schema)


def has_shape(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether a value has the types, keys and choices of a JSON Schema.

    Of the schema `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items` and
    `anyOf` are read. Lengths, counts and ranges are left to the recipes: servers that do enforce schemas
    leave some of these out (OpenAI's guide "Structured outputs", "Supported schemas").

    >>> has_shape({"tags": ["a"]}, {"type": "object", "properties": {"tags": {"items": {"type": "null"}}}})
    False
    """
    types = schema.get("type")
    if types is not None and not any(
        _is(value, one) for one in ([types] if isinstance(types, str) else types)
    ):
        return False
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        return False
    if "const" in schema and not _same(value, schema["const"]):
        return False
    if "anyOf" in schema and not any(has_shape(value, one) for one in schema["anyOf"]):
        return False
    if isinstance(value, list):
        items = schema.get("items", {})
        return all(has_shape(item, items) for item in value) if items else True
    return _has_keys(value, schema) if isinstance(value, dict) else True


def _has_keys(value: Mapping[str, object], schema: Mapping[str, Any]) -> bool:
    told = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if not all(key in value for key in schema.get("required", ())):
        return False
    for key, item in value.items():
        if key in told:
            if not has_shape(item, told[key]):
                return False
        elif others is False or (isinstance(others, Mapping) and not has_shape(item, others)):
            return False
    return True


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _same(value: object, other: object) -> bool:
    """Return whether two values are the same in JSON, where true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other
