"""What a schema allows passes, any planted fault does not, only a server's own doing is held against it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvlm_workers.base import Reply
from recipes.hqclip import HqClip
from recipes.laclip import LaClip
from transforms.reply_shape import has_shape, ignores_schema

KEYS = st.text("abc", min_size=1, max_size=3)
Made = tuple[dict[str, Any], Any]
"""A schema, and a value that it allows."""

SCALARS = {
    "string": st.text(max_size=5),
    "integer": st.integers() | st.integers(-9, 9).map(float),
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
}
OF_NO_TYPE = {"string": 1, "integer": 0.5, "number": "1", "boolean": 1, "null": 0, "object": [], "array": {}}
"""A value that is not of the type, by its name."""


@st.composite
def scalars(draw: st.DrawFn) -> Made:
    name = draw(st.sampled_from(sorted(SCALARS)))
    return {"type": name}, draw(SCALARS[name])


@st.composite
def choices(draw: st.DrawFn) -> Made:
    allowed = draw(st.lists(st.text(max_size=3), min_size=1, max_size=3))
    return {"enum": allowed}, draw(st.sampled_from(allowed))


def arrays(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    """Lists that repeat a value which their items' schema allows."""
    return st.tuples(inner, st.integers(0, 3)).map(
        lambda told: ({"type": "array", "items": told[0][0]}, [told[0][1]] * told[1])
    )


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    made = draw(st.dictionaries(KEYS, inner, max_size=3))
    required = sorted(draw(st.sets(st.sampled_from(sorted(made))))) if made else []
    left_out = draw(st.sets(st.sampled_from(sorted(made)))) - set(required) if made else set()
    schema = {
        "type": "object",
        "properties": {key: one for key, (one, _) in made.items()},
        "required": required,
        "additionalProperties": False,
    }
    return schema, {key: value for key, (_, value) in made.items() if key not in left_out}


MADE = st.recursive(scalars() | choices(), lambda inner: arrays(inner) | objects(inner), max_leaves=8)


@given(MADE)
def test_what_a_schema_allows_has_its_shape(made: Made) -> None:
    schema, value = made
    assert has_shape(value, schema)
    assert has_shape(json.loads(json.dumps(value)), json.loads(json.dumps(schema)))
    assert has_shape(value, {"anyOf": [{"const": "another"}, schema]})
    assert has_shape(value, {"type": [schema["type"], "null"], **schema} if "type" in schema else schema)


def faults(value: Any, schema: Mapping[str, Any]) -> list[Any]:
    """Return the value with one fault each, at every place where the schema says something."""
    found: list[Any] = []
    if "enum" in schema:
        found += ["x" * 4, None]
    if "type" in schema:
        found.append(OF_NO_TYPE[schema["type"]])
    if isinstance(value, list) and schema.get("items"):
        for k, item in enumerate(value):
            found += [[*value[:k], bad, *value[k + 1 :]] for bad in faults(item, schema["items"])]
    if isinstance(value, dict):
        found.append({**value, "unknown": 1})
        found += [{k: v for k, v in value.items() if k != key} for key in schema["required"]]
        for key, item in value.items():
            found += [{**value, key: bad} for bad in faults(item, schema["properties"][key])]
    return found


@given(MADE)
def test_one_fault_anywhere_is_found(made: Made) -> None:
    schema, value = made
    planted = faults(value, schema)
    assert planted
    for bad in planted:
        assert not has_shape(bad, schema), bad
        assert not has_shape(bad, {"anyOf": [schema]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


def is_hqclip(value: Any) -> bool:
    """Return the shape of the four fields, written out."""
    return (
        isinstance(value, dict)
        and set(value) == {"long_positive", "long_negative", "short_positive", "short_negative"}
        and all(isinstance(texts, list) for texts in value.values())
        and all(isinstance(text, str) for texts in value.values() for text in texts)
    )


@given(
    st.dictionaries(st.sampled_from([*HqClip.fields, "more"]), st.lists(st.text(max_size=3) | JSON)) | JSON
)
def test_the_shape_of_hqclip_is_that_written_out_by_hand(value: Any) -> None:
    assert has_shape(value, HqClip.schema) == is_hqclip(value)


@given(
    JSON, st.sampled_from([{"additionalProperties": {"type": "string"}}, {}, {"items": {}}, {"$ref": "#"}])
)
def test_keys_that_are_not_named_may_have_a_schema_and_what_is_not_read_allows_all(
    value: Any, schema: dict[str, Any]
) -> None:
    others = schema.get("additionalProperties") and isinstance(value, dict)
    assert has_shape(value, schema) == (not others or all(isinstance(v, str) for v in value.values()))


def test_true_is_not_one_and_a_whole_float_is_an_integer() -> None:
    assert not has_shape(True, {"type": "integer"})
    assert not has_shape(True, {"enum": [1, "a"]})
    assert not has_shape(1, {"const": True})
    assert has_shape(2.0, {"type": "integer"})
    assert not has_shape(float("inf"), {"type": "integer"})


GOOD = Reply(text='{"rewrites": ["A dog."]}', model="m", endpoint="http://a/v1")


@pytest.mark.parametrize(
    "text",
    [
        "", "Sure! A dog.", "null", "[]", "{}", '{"rewrites": "A dog."}', '{"rewrites": [1]}', "[" * 100_000,
        '```json\n{"rewrites": ["A dog."]}\n```', '<think>hm</think>{"rewrites": []}', '{"rewrites": ["A d',
        '{"rewrites": [], "why": 1}', '{"rewrites": []} {"rewrites": []}',
    ],
)  # fmt: skip
def test_what_no_server_that_enforces_the_schema_writes(text: str) -> None:
    assert ignores_schema(replace(GOOD, text=text), LaClip.schema) is True


@pytest.mark.parametrize(
    "text", [GOOD.text, f"\n {GOOD.text}\n", '{"rewrites": []}', '{"rewrites": ["a\x07\n"]}',
             json.dumps({"rewrites": ["x" * 5_000] * 9})],
)  # fmt: skip
def test_what_one_may_write_though_the_recipe_refuses_some_of_it(text: str) -> None:
    assert ignores_schema(replace(GOOD, text=text), LaClip.schema) is False


@pytest.mark.parametrize("reason", ["length", "content_filter", "refusal", "refused_request"])
def test_what_was_cut_or_declined_says_nothing_of_the_server(reason: str) -> None:
    assert ignores_schema(replace(GOOD, text='{"rewr', finish_reason=reason), LaClip.schema) is None
