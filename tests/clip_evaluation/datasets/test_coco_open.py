"""Pictures with their captions, and those without."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clip_evaluation.datasets.coco_open import read_coco_open
from schemas.errors import RunError


def test_real_shards(shared_data: Path) -> None:
    pictures = list(read_coco_open(shared_data / "coco_open"))
    assert len(pictures) == 144
    assert len({coco_id for coco_id, _ in pictures}) == 144
    assert sum(not picture.captions for _, picture in pictures) == 33
    assert {len(picture.captions) for _, picture in pictures} == {0, 5}
    assert all(picture.image[:2] == b"\xff\xd8" for _, picture in pictures)
    assert dict(pictures)[577932].captions[0] == "A woman walking next to a man riding a pink bike."


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"coco_id": "3", "captions": []}, "coco_id is '3'"),
        ({"coco_id": True, "captions": []}, "coco_id is True"),
        ({"coco_id": 3}, "captions is NoneType"),
        ({"coco_id": 3, "captions": ["a", 1]}, "captions is int"),
        ([], "holds list"),
    ],
)
def test_broken_records(write_tar: Callable[..., Path], record: Any, told: str) -> None:
    path = write_tar("set/0.tar", [("0.jpg", b"x"), ("0.json", json.dumps(record).encode())])
    with pytest.raises(RunError, match=f"sample '0'.*{told}"):
        list(read_coco_open(path.parent))


def test_empty_captions_are_none(write_tar: Callable[..., Path]) -> None:
    record = {"coco_id": 3, "captions": [" a ", "", "  "]}
    path = write_tar("set/0.tar", [("0.jpg", b"x"), ("0.json", json.dumps(record).encode())])
    ((coco_id, picture),) = read_coco_open(path.parent)
    assert (coco_id, picture.captions, picture.image) == (3, ("a",), b"x")
