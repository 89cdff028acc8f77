"""Annotations survive the table."""

from schemas.annotation import Annotation, Fields, Provenance
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


def test_one_text_or_none_comes_back() -> None:
    told = [
        Annotation(index=i, uid="u", fields={} if text is None else {"fused": text}, provenance=WRITER)
        for i, text in enumerate(["A dog.", None, ""])
    ]
    table = annotation_table(["fused"], told)
    assert table.column("fused").to_pylist() == ["A dog.", None, ""]
    assert annotations_in(table) == told


def test_texts_that_were_left_out_are_counted_and_nothing_else_of_them_stays() -> None:
    whys = {"rewrites": {"repeated": 2, "lost": 1, "never": 0}, "fused": {"lost": 0}}
    fields = {"rewrites": ["a"]}
    told = [
        Annotation(index=1, uid="a", fields=Fields(fields, whys), provenance=WRITER),
        Annotation(index=2, uid="b", fields=Fields(fields, {}), provenance=WRITER),
        Annotation(index=3, uid="c", fields=fields, provenance=WRITER),
        Annotation(index=4, uid="d", reason="bad_reply", value=""),
    ]
    table = annotation_table(["rewrites"], told)
    rows = [
        {"field": "rewrites", "why": "lost", "texts": 1}, {"field": "rewrites", "why": "repeated", "texts": 2}
    ]  # fmt: skip
    assert table.column("dropped").to_pylist() == [rows, None, None, None]
    assert annotations_in(table) == told


def test_a_table_of_nothing_has_its_columns() -> None:
    table = annotation_table(["rewrites"], [])
    assert annotations_in(table) == []
    assert {"index", "uid", "rewrites", "recipe", "reason"} <= set(table.column_names)
