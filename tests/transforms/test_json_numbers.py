import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.json_numbers import numbers_as_json


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (-0.25, -0.25),
        ("0.5", 0.5),
        (" 1e-3 ", 0.001),
        (".5", 0.5),
        ("7.", 7.0),
        (True, None),
        (None, None),
        ("nan", None),
        ("1_000", None),
        ("0x10", None),
        ("", None),
        ("1e999", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([1], None),
        ("9" * 100_000, None),
    ],
)
def test_finite_numbers_only(value: object, number: float | None) -> None:
    expected = {} if number is None else {"x": number}
    assert json.loads(numbers_as_json({"x": value}, ["x"])) == expected


def test_paths_and_sorted_keys() -> None:
    record = {"b": 1, "a": {"b": {"c": 2}}, "a.d": 3, "e": [1]}
    found = numbers_as_json(record, ["b", "a.d", "a.b.c", "a.b.c.d", "e.0", "missing", ""])
    assert found == '{"a.b.c": 2.0, "a.d": 3.0, "b": 1.0}'


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), _JSON), st.lists(st.sampled_from(["a", "a.b", "a.b.c", "c"])))
def test_any_record_gives_valid_json(record: dict[str, object], names: list[str]) -> None:
    found = json.loads(numbers_as_json(record, names), parse_constant=pytest.fail)
    assert set(found) <= set(names)
    assert all(isinstance(value, float) for value in found.values())
