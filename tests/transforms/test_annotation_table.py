"""Annotations survive the table."""

from schemas.annotation import Annotation, Provenance
from transforms.annotation_table import annotation_table, annotations_in

WRITER = Provenance(
    recipe="hqclip", worker="rules", model="rules", prompt_sha256="ab", seed=None, tokens_in=3
)


def test_answers_and_failures_come_back_in_order() -> None:
    told = Annotation(index=4, uid="d", fields={"rewrites": ["a", "b"]}, provenance=WRITER)
    failed = Annotation(index=2, uid="b", reason="bad_reply", value="no JSON")
    table = annotation_table(["rewrites"], [told, failed])
    assert table.column("index").to_pylist() == [2, 4]
    assert annotations_in(table) == [failed, told]


def test_a_table_of_nothing_has_its_columns() -> None:
    table = annotation_table(["rewrites"], [])
    assert annotations_in(table) == []
    assert {"index", "uid", "rewrites", "recipe", "reason"} <= set(table.column_names)
