"""A name changes exactly when what it stands for does."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import DedupConfig, NearConfig
from schemas.filters import Words
from transforms.fingerprint import fingerprint

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
VALUES = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part), max_leaves=6
)


def test_a_hand_worked_one() -> None:
    plain = b'["facts", 1, {"a": null, "b": [true]}]'
    assert fingerprint("facts", 1, {"b": [True], "a": None}) == hashlib.sha256(plain).hexdigest()[:12]


@given(VALUES, VALUES)
def test_equal_values_and_only_they_have_equal_names(one: object, other: object) -> None:
    assert re.fullmatch("[0-9a-f]{12}", fingerprint(one))
    assert (fingerprint(one) == fingerprint(other)) == (form(one) == form(other))


def form(value: object) -> object:
    """Return a value that equals another's form only where JSON has them equal: there True is not 1."""
    if isinstance(value, dict):
        return "object", {name: form(item) for name, item in value.items()}
    return ("array", [form(item) for item in value]) if isinstance(value, list) else (type(value), value)


def test_models_stand_for_their_fields_with_defaults() -> None:
    assert fingerprint(DedupConfig()) == fingerprint(DedupConfig(exact=True))
    assert fingerprint(DedupConfig()) != fingerprint(DedupConfig(exact=False))
    assert fingerprint([Words(kind="words")]) == fingerprint([Words(kind="words", min=3)])
    assert fingerprint([Words(kind="words")]) != fingerprint([Words(kind="words", min=4)])
    nested = {"near": NearConfig(max_distance=3)}
    assert fingerprint(nested) == fingerprint({"near": {"max_distance": 3, "max_colour": 24}})


def test_the_order_of_parts_counts_and_that_of_keys_does_not() -> None:
    assert fingerprint("a", "b") != fingerprint("b", "a")
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object()])
def test_other_values_have_no_place(value: object) -> None:
    with pytest.raises(TypeError, match="has no place in a fingerprint; use JSON values or pydantic models"):
        fingerprint(value)
