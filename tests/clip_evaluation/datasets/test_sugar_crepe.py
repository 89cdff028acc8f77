"""SugarCrepe's files, real and broken."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clip_evaluation.blind import blind_scores
from clip_evaluation.compositional import score_pairs
from clip_evaluation.datasets.coco_open import read_coco_open
from clip_evaluation.datasets.sugar_crepe import GROUPS, read_sugar_crepe
from schemas.errors import ConfigError, RunError

GOOD = {"filename": "000000000030.jpg", "caption": "a cat", "negative_caption": "a dog"}


def write(folder: Path, entry: Any) -> None:
    for kind in GROUPS:
        (folder / f"{kind}.json").write_text(json.dumps({"0": GOOD, "7": entry}))


def test_the_published_counts(shared_data: Path) -> None:
    pairs = read_sugar_crepe(shared_data / "sugar_crepe" / "data")
    # Hsieh et al. 2023, table 2.
    assert Counter(pair.kind for pair in pairs) == {
        "add_obj": 2062, "add_att": 692, "replace_obj": 1652, "replace_att": 788, "replace_rel": 1406,
        "swap_obj": 245, "swap_att": 666,
    }  # fmt: skip
    assert len({(pair.kind, pair.item) for pair in pairs}) == 7511


def test_pictures_are_found_by_their_coco_id(shared_data: Path) -> None:
    pairs = read_sugar_crepe(shared_data / "sugar_crepe" / "data")
    pictures = dict(read_coco_open(shared_data / "coco_open"))
    known = [pair for pair in pairs if pair.coco_id in pictures]
    assert Counter(pair.kind for pair in known) == {
        "add_obj": 38, "add_att": 13, "replace_obj": 27, "replace_att": 15, "replace_rel": 28, "swap_obj": 9,
        "swap_att": 18,
    }  # fmt: skip


def test_length_gives_away_additions_but_not_swaps(shared_data: Path) -> None:
    pairs = [
        p for p in read_sugar_crepe(shared_data / "sugar_crepe" / "data") if p.kind in ("add_att", "swap_att")
    ]
    pairs = pairs[:200] + pairs[-200:]
    positive, negative = [p.positive for p in pairs], [p.negative for p in pairs]
    scores = blind_scores(positive, negative, np.array([p.coco_id for p in pairs]))
    shorter = score_pairs(*scores["shorter"], [p.kind for p in pairs], groups=GROUPS)
    assert shorter.types["add_att"].accuracy.value > 0.9
    assert shorter.types["swap_att"].accuracy.value < 0.5
    assert set(shorter.groups) == {"add", "swap"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("x", "holds str, not an object"),
        (GOOD | {"filename": "../../etc/passwd"}, "not named by a COCO id"),
        (GOOD | {"filename": 30}, "filename is int, not a text"),
        (GOOD | {"negative_caption": " a cat "}, "empty or equal"),
        (GOOD | {"caption": ""}, "empty or equal"),
        ({"filename": "000000000030.jpg", "caption": "a"}, "negative_caption is NoneType"),
    ],
)
def test_broken_entries(tmp_path: Path, entry: Any, told: str) -> None:
    write(tmp_path, entry)
    with pytest.raises(RunError, match=rf"add_att.json, item '7'.*{told}"):
        read_sugar_crepe(tmp_path)


def test_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"add_att.json is not there"):
        read_sugar_crepe(tmp_path)
    for content, told in (("{", "no JSON"), ("[" * 100_000, "no JSON"), ("[]", "holds list")):
        (tmp_path / "add_att.json").write_text(content)
        with pytest.raises(RunError, match=told):
            read_sugar_crepe(tmp_path)
