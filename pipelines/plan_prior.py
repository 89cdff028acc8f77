"""How long texts are that nobody has written yet: a guess from the schema of the reply."""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.plan_interval import Estimate
from recipes.base import Recipe
from schemas.annotation import is_list_field

BYTES_A_TOKEN = 4
"""Of UTF-8: English has about four characters a token, Chinese three quarters of a token a character."""
PIXELS_A_TOKEN = 28 * 28
"""Of a picture, as Qwen2-VL merges patches (arXiv 2409.12191, 2.1)."""
_MAX_LENGTH = 200
"""Characters of a string whose schema has no bound."""
_MOST_ITEMS = 4


def text_tokens(text: str) -> float:
    """Return about how many tokens a text has."""
    return len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN


def image_tokens(width: int, height: int, image_pixels: int) -> float:
    """Return about how many tokens a picture has that is reduced to `image_pixels`."""
    return min(width * height, image_pixels) / PIXELS_A_TOKEN


def filler(schema: Mapping[str, Any]) -> Any:
    """Return a value of likely size for a JSON Schema: lists half full, strings a quarter of their bound.

    >>> filler({"type": "array", "maxItems": 4, "items": {"type": "string", "maxLength": 40}})
    ['word word ', 'word word ']
    """
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return filler(schema[choice][0])
    kind = schema.get("type")
    if kind == "object" or (kind is None and "properties" in schema):
        return {name: filler(of) for name, of in schema.get("properties", {}).items()}
    if kind == "array":
        least = schema.get("minItems", 0)
        number = (least + schema.get("maxItems", max(least, _MOST_ITEMS)) + 1) // 2
        return [filler(schema.get("items", {"type": "string"})) for _ in range(number)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    if kind in ("boolean", "null"):
        return None if kind == "null" else True
    length = max(schema.get("minLength", 1), -(-schema.get("maxLength", _MAX_LENGTH) // 4))
    return ("word " * (length // 5 + 1))[:length]


def reply_tokens(recipe: Recipe) -> Estimate:
    """Return how long a reply may be: half to all that it may have, and about as `filler` is."""
    most = float(recipe.sampling.max_tokens)
    value = min(text_tokens(json.dumps(filler(recipe.schema), ensure_ascii=False)), most)
    return Estimate(value=value, low=value / 2, high=most)


def likely_fields(recipe: Recipe) -> dict[str, Any]:
    """Return fields of likely length in place of those that a model will write."""
    reply = filler(recipe.schema)
    reply = reply if isinstance(reply, dict) else {}
    return {name: reply[name] if name in reply else _of_length(name, recipe) for name in recipe.fields}


def _of_length(name: str, recipe: Recipe) -> Any:
    text = ("word " * round(reply_tokens(recipe).value))[: round(reply_tokens(recipe).value * BYTES_A_TOKEN)]
    return [text] if is_list_field(name) else text
