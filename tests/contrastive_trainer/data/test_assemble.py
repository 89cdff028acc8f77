from typing import Any

import numpy as np
import pytest

from contrastive_trainer.data.assemble import assemble, read_regions
from contrastive_trainer.data.sample import TrainSample


def sample(make: Any, text: str = "caption", **fields: Any) -> TrainSample:
    return TrainSample(uid="u", image=make.picture(5), text=text, fields={"alt_text": "raw"} | fields)


def run(make: Any, found: TrainSample, seed: int = 0, vocabulary: Any = None, **changes: Any) -> Any:
    config = make.configure(["x"], **changes)
    return assemble(found, config, 8, vocabulary or {}, np.random.default_rng(seed))


def test_no_more_is_made_than_the_losses_need(make: Any) -> None:
    found = run(make, sample(make, short_positive=["a"], regions=[{"box": [0, 0, 1, 1], "phrase": "p"}]))
    assert (found.uid, found.drawn.text, found.image_CHW.shape) == ("u", "raw", (3, 8, 8))
    assert (found.texts, found.short, found.regions, found.distilled) == ((), "", (), "")


def test_many_texts_begin_with_the_drawn_one(make: Any) -> None:
    texts = {"p_raw": 0, "p_rewrite": 1}
    rewrites = sample(make, rewrites=["r0", "r1", "r2"])
    drawn = [run(make, rewrites, s, losses={"multi_text": {"texts": 3}}, texts=texts) for s in range(60)]
    assert all(len(row.texts) == 3 and row.texts[0] == row.drawn.text for row in drawn)
    assert {text for row in drawn for text in row.texts} == {"r0", "r1", "r2"}
    assert len({row.texts for row in drawn}) > 15


def test_tags_are_numbers_and_a_true_tag_is_not_false(make: Any) -> None:
    tags = sample(make, short_positive=["b", "a", "b", "?"], short_negative=["c", "a", " "])
    found = run(make, tags, vocabulary={"a": 0, "b": 1, "c": 2})
    assert (found.tags, found.false_tags) == ((1, 0), (2,))


@pytest.mark.parametrize(("text", "expected"), [("caption", "written"), ("alt_text", "raw")])
def test_the_distilled_text_is_the_column_that_the_teachers_read(make: Any, text: str, expected: str) -> None:
    losses = {"distill": {"teachers": {"t": "folder"}, "text": text}}
    assert run(make, sample(make, caption="written"), losses=losses).distilled == expected


BOX = {"box": [0.1, 0.2, 0.3, 0.4], "phrase": "a box"}
HOSTILE = [
    None,
    "box",
    {"box": [0, 0, 1, 1]},
    {"phrase": "none"},
    {"box": [0, 0, float("nan"), 1], "phrase": "p"},
    {"box": [0, 0, 1, 1], "phrase": " "},
    {"box": [0, 0, 1, 1], "phrase": 7},
    {"box": [0, 0, 1, 1.5], "phrase": "p"},
    {"box": [0, 0, 1, 1], "phrase": "p", "raw_score": float("inf")},
]


def test_hostile_regions_are_left_out(make: Any) -> None:
    assert read_regions(sample(make, regions=[*HOSTILE, BOX])) == [((0.1, 0.2, 0.3, 0.4), "a box")]
    assert read_regions(sample(make, regions={"box": [0, 0, 1, 1]})) == []


def test_regions_are_drawn_evenly_and_keep_their_order(make: Any) -> None:
    regions = [{"box": [k / 10, 0.0, k / 10 + 0.1, 1.0], "phrase": str(k)} for k in range(10)]
    line = {"box": [0.5, 0.5, 0.5001, 0.9], "phrase": "a line"}
    found = sample(make, regions=[line, *regions])
    counts = dict.fromkeys(map(str, range(10)), 0)
    for seed in range(400):
        drawn = run(make, found, seed, losses={"regions": {"per_image": 3}}).regions
        phrases = [phrase for _, phrase in drawn]
        assert phrases == sorted(set(phrases))
        assert len(phrases) == 3
        for box, phrase in drawn:
            assert box == pytest.approx((int(phrase) / 10, 0, int(phrase) / 10 + 0.1, 1))
            counts[phrase] += 1
    assert min(counts.values()) > 80  # 120 each, standard deviation 9


def test_regions_move_with_the_crop(make: Any) -> None:
    found = sample(make, regions=[{"box": [0.0, 0.0, 1.0, 1.0], "phrase": "all"}, BOX])
    data = {"crop_scale": (0.6, 0.6)}
    drawn = [run(make, found, s, losses={"regions": {}}, data=data).regions for s in range(50)]
    assert all("all" in {phrase for _, phrase in row} for row in drawn)
    assert all(box == (0, 0, 1, 1) for row in drawn for box, phrase in row if phrase == "all")
    # A box of 0.2 x 0.2 in a crop of 0.6 of the area is a third of it in area, where it is all there.
    areas = [
        (b[2] - b[0]) * (b[3] - b[1])
        for row in drawn
        for b, p in row
        if p == "a box" and min(b) > 0 and max(b) < 1
    ]
    assert areas == pytest.approx([0.04 / 0.6] * len(areas))
    assert len(areas) > 5
