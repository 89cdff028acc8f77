import copy
from collections.abc import Callable
from typing import Any

import pytest

from transforms.publish.check_record import check_record
from transforms.publish.sample_json import sample_json
from transforms.publish.write_shard import Piece


@pytest.fixture
def record(make_piece: Callable[..., Piece]) -> dict[str, Any]:
    piece = make_piece(0)
    made = sample_json(piece.facts, piece.shard_name, piece.annotations)
    made["regions"] = [{"box": [0, 0.5, 1.0, 0.75], "phrase": "car", "score": 0.5, "raw_score": None}]
    return made


def _set(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    *folders, last = path.split("/")
    inner: Any = changed
    for name in folders:
        inner = inner[int(name)] if isinstance(inner, list) else inner[name]
    inner[last] = value
    return changed


def test_what_sample_json_makes_holds(record: dict[str, Any]) -> None:
    assert check_record(record) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("uid", None, "uid is NoneType, not str"),
        ("extra", 1, "has unknown extra"),
        ("facts/extra", 1, "has unknown facts.extra"),
        ("facts/width", True, "facts.width is bool, not int"),
        ("facts/width", "640", "facts.width is str, not int"),
        ("facts/colours", ["mauve"], "facts.colours holds something that is no colour"),
        ("facts/colours", [[]], "facts.colours holds something that is no colour"),
        ("facts/mended", [1], "facts.mended holds something that is no text"),
        ("source", [], "source is list, not dict"),
        ("long_positive", ["a"], "1 long_positive, but 2 long_negative"),
        (
            "long_negative",
            ["A red car stands on a wet street.", "x"],
            "long_negative[0] repeats long_positive[0]",
        ),
        ("short_negative", ["dog", "car"], "'car' is both in short_positive and in short_negative"),
        ("rewrites", [{}], "rewrites holds something that is no text"),
        ("recaption", ["A car."], "recaption is list, not str or NoneType"),
        ("rewrites", None, "rewrites is NoneType, not list"),
        ("long_positive", [], "the caption is not the one that its texts give"),
        ("caption", "another", "the caption is not the one that its texts give"),
        ("provenance/url", {}, "provenance names 'url', which is no field"),
        ("provenance/long_positive/seed", "1", "provenance.long_positive.seed is str, not int or NoneType"),
        ("provenance/long_positive", 5, "provenance.long_positive is no object"),
        ("regions/0/box", [0, 0, 1], "regions[0].box is not four numbers in 0..1"),
        ("regions/0/box", [0, 0, 1, 1.01], "regions[0].box is not four numbers in 0..1"),
        ("regions/0/box", [0.5, 0, 0.5, 1], "regions[0].box is empty"),
        ("regions", [7], "regions[0] is no object"),
    ],
)
def test_each_broken_promise_is_told(record: dict[str, Any], path: str, value: Any, problem: str) -> None:
    assert problem in check_record(_set(record, path, value))


def test_a_missing_field_and_another_order(record: dict[str, Any]) -> None:
    assert check_record({k: v for k, v in record.items() if k != "scores"}) == ["lacks scores"]
    assert check_record(dict(reversed(record.items()))) == ["the fields of the record are not in their order"]


@pytest.mark.parametrize("value", [None, 1, "x", [], [[]], {}])
def test_what_is_no_record(value: Any) -> None:
    assert len(check_record(value)) == 1
