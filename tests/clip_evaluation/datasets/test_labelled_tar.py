"""Classes and groups are fields of the JSON beside a picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clip_evaluation.datasets.labelled_tar import read_labelled_tar
from schemas.errors import RunError


def members(record: Any, *images: str) -> list[tuple[str, bytes]]:
    return [("0.json", json.dumps(record).encode()), *((f"0.{ending}", b"x") for ending in images)]


def test_fields(write_tar: Callable[..., Path]) -> None:
    record = {"label": " cat ", "a": {"b": 3, "c": True}}
    path = write_tar("0.tar", members(record, "webp"))
    (found,) = read_labelled_tar(path.parent, ("label", "a.b", "a.c"))
    assert found.fields == {"label": "cat", "a.b": "3", "a.c": "True"}
    assert (found.image, found.where) == (b"x", "0.tar: sample '0'")


@pytest.mark.parametrize(
    ("record", "images", "told"),
    [
        ({"label": "x"}, (), "has 0 pictures"),
        ({"label": "x"}, ("jpg", "png"), "has 2 pictures"),
        ({}, ("jpg",), "field 'label' is 'None'"),
        ({"label": ""}, ("jpg",), "field 'label' is ''"),
        ({"label": 1.5}, ("jpg",), "field 'label' is '1.5'"),
        ({"label": ["x"]}, ("jpg",), "field 'label' is"),
        ({"label": "x" * 201}, ("jpg",), "not a short text"),
        ({"label": "x\ny"}, ("jpg",), "not a short text"),
        ([], ("jpg",), "holds list"),
    ],
)
def test_broken_samples(
    write_tar: Callable[..., Path], record: Any, images: tuple[str, ...], told: str
) -> None:
    path = write_tar("0.tar", members(record, *images))
    with pytest.raises(RunError, match=rf"0.tar: sample '0'.*{told}") as caught:
        list(read_labelled_tar(path.parent, ("label",)))
    assert "\n" not in str(caught.value)


def test_a_field_within_a_text_is_none(write_tar: Callable[..., Path]) -> None:
    path = write_tar("0.tar", members({"label": "x"}, "jpg"))
    with pytest.raises(RunError, match=r"field 'label\.more' is 'None'"):
        list(read_labelled_tar(path.parent, ("label.more",)))
