"""A table and its record cannot part."""

from dataclasses import dataclass, fields

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.arrow import arrow_schema, from_table, to_table
from schemas.facts import Facts, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    number: int
    share: float | None = None
    name: str = ""
    is_new: bool = False
    data: bytes | None = None
    tags: tuple[str, ...] = ()
    phash: int | None = None


ROWS = st.builds(
    Row,
    number=st.integers(-(2**63), 2**63 - 1),
    share=st.none() | st.floats(allow_nan=False),
    name=st.text(st.characters(codec="utf-8")),
    is_new=st.booleans(),
    data=st.none() | st.binary(),
    tags=st.lists(st.text(st.characters(codec="utf-8"), max_size=3), max_size=3).map(tuple),
    phash=st.none() | st.integers(0, 2**64 - 1),
)


def test_a_schema_by_hand() -> None:
    assert arrow_schema(Row).equals(
        pa.schema(
            [
                pa.field("number", pa.int64(), nullable=False),
                pa.field("share", pa.float64()),
                pa.field("name", pa.string(), nullable=False),
                pa.field("is_new", pa.bool_(), nullable=False),
                pa.field("data", pa.binary()),
                pa.field("tags", pa.list_(pa.string()), nullable=False),
                pa.field("phash", pa.uint64()),
            ]
        )
    )


@given(st.lists(ROWS, max_size=5))
def test_records_come_back(rows: list[Row]) -> None:
    assert from_table(Row, to_table(Row, rows)) == rows


def test_columns_that_are_not_asked_for_keep_their_defaults() -> None:
    table = to_table(Row, [Row(number=7, name="a", tags=("x",))])
    assert from_table(Row, table, ["number", "tags"]) == [Row(number=7, tags=("x",))]


@pytest.mark.parametrize("record", [Facts, Verdict])
def test_the_records_of_the_stages_have_schemas(record: type) -> None:
    schema = arrow_schema(record)
    assert schema.names == [f.name for f in fields(record)]
    assert to_table(record, []).schema.equals(schema)


def test_the_hash_of_facts_uses_all_64_bits() -> None:
    rows = [Facts(index=0, uid="u", key="k", phash=2**64 - 1, colour_shares=(0.25, 0.75))]
    assert from_table(Facts, to_table(Facts, rows)) == rows


def test_a_field_without_an_arrow_type_is_named() -> None:
    @dataclass
    class Odd:
        when: complex

    with pytest.raises(TypeError, match="field 'when' is .* which has no Arrow type here; use a scalar or"):
        arrow_schema(Odd)
