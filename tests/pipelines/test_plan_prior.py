"""Guesses about texts that nobody has written."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from pipelines.plan_prior import filler, image_tokens, likely_fields, reply_tokens, text_tokens
from recipes.base import Recipe
from recipes.hqclip import HqClip
from recipes.laclip import LaClip
from schemas.annotation import Sampling
from schemas.facts import Facts


class Short(Recipe):
    """Writes rewrites under another name in the reply, and one text."""

    name: ClassVar[str] = "short"
    fields: ClassVar[tuple[str, ...]] = ("rewrites", "fused")
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"fused": {"type": "string", "maxLength": 80}},
    }
    sampling: ClassVar[Sampling] = Sampling(max_tokens=64)

    def prompt(self, facts: Facts) -> str:
        return "prompt"

    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "maxLength": 40}, "word word "),
        ({"type": "string", "minLength": 8, "maxLength": 12}, "word wor"),
        ({"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3}, ["word ", "word "]),
        ({"type": "array", "items": {"type": "integer", "minimum": 2}, "minItems": 2, "maxItems": 2}, [2, 2]),
        ({"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}, {"a": "x"}),
        ({"properties": {"b": {"type": "null"}}}, {"b": None}),
        ({"anyOf": [{"const": 3}, {"type": "string"}]}, 3),
        ({"type": "boolean"}, True),
    ],
)  # fmt: skip
def test_fillers(schema: dict[str, Any], value: Any) -> None:
    assert filler(schema) == value


def test_a_short_reply_by_hand() -> None:
    # {"fused": "word word word word "}: 33 bytes; a quarter of the 80 characters.
    assert reply_tokens(Short()).value == 33 / 4
    assert (reply_tokens(Short()).low, reply_tokens(Short()).high) == (33 / 8, 64)
    fields = likely_fields(Short())
    assert fields["fused"] == "word word word word "
    assert [len(text) for text in fields["rewrites"]] == [33]


@pytest.mark.parametrize("recipe", [HqClip(), LaClip()])
def test_replies_of_our_recipes_are_within_their_bounds(recipe: Recipe) -> None:
    found = reply_tokens(recipe)
    assert 20 < found.low < found.value < found.high == recipe.sampling.max_tokens
    assert likely_fields(recipe) == json.loads(json.dumps(filler(recipe.schema)))


def test_tokens_by_hand() -> None:
    assert text_tokens("a red dog on grass!!") == 5
    assert text_tokens("红色的狗") == 3
    assert image_tokens(280, 56, 10**6) == 20
    assert image_tokens(5000, 5000, 512 * 512) == 512 * 512 / 784
