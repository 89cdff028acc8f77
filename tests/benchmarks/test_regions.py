import json
from collections import Counter

import pytest

from benchmarks.regions import COLUMNS, measure, read_reply, requests
from benchmarks.regions_sets import COCO_OPEN, Labelled, coco_sample, coco_samples, scene_samples
from lvlm_workers.base import Reply, Request
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.mock import MockWorker
from lvlm_workers.segments import SegmentsWorker
from recipes.base import BadReply

BOX = (0.0, 0.0, 0.5, 0.5)
SAMPLES = [
    Labelled(image=b"0", boxes=(BOX,), labels=("dog",), captions=("A brown dog on a bench.",)),
    Labelled(image=b"1", boxes=(BOX,), labels=("cat",), captions=("Two cats.",)),
    Labelled(image=b"2", boxes=(BOX,), labels=("dog",)),
]


def answer(request: Request) -> Reply | str:
    if request.image == b"1":
        return Reply(text="no picture", model="mock", finish_reason=REFUSED_REQUEST)
    if request.image == b"2":
        return "no JSON"
    found = [{"box": list(BOX), "phrase": "a dog", "score": 0.9}, {"box": [0, 0, 1, 1], "phrase": "a dog"}]
    return json.dumps({"regions": found})


def test_replies_without_regions_find_nothing_and_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    figures = measure(MockWorker(answer), SAMPLES, "labels")
    assert len(figures) == len(COLUMNS) - 1
    assert figures[:-2] == ("3", "3", "2", "0.333", "0.500", "1.000", "-")
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "picture 1: refused_request: no picture"
    assert told[1].startswith("picture 2: ")


def test_a_picture_is_asked_about_all_labels_or_its_own_captions() -> None:
    asked = [json.loads(request.prompt)["phrases"] for request in requests(SAMPLES, "labels")]
    assert asked == [["cat", "dog"]] * 3
    asked = [json.loads(request.prompt)["phrases"] for request in requests(SAMPLES, "captions")]
    assert asked == [["a brown dog", "a bench"], ["cats"], []]


def test_a_reply_is_read_as_the_pipeline_reads_it() -> None:
    found = [
        {"box": [0, 0, 0.5, 0.5], "phrase": "a dog", "score": 0.3},
        {"box": [0.5, 0.5, 1.5, 1], "phrase": "a cat", "score": 0.8},
        {"box": [0, 0, 0.5, 0.5], "phrase": "a cow", "score": 0.09},  # under the floor of 0.1
        {"box": [0, 0, "x", 0.5], "phrase": "a cow", "score": 0.9},
    ]
    regions = read_reply(json.dumps({"regions": found}), "stop")
    assert [(region.phrase, region.box) for region in regions] == [
        ("a cat", (0.5, 0.5, 1.0, 1.0)),
        ("a dog", (0.0, 0.0, 0.5, 0.5)),
    ]
    with pytest.raises(BadReply):
        read_reply("{}", "stop")


def test_boxes_become_shares_of_the_picture_and_crowds_are_apart() -> None:
    fields = {
        "width": 200, "height": 100, "captions": ["A dog."], "labels": ["dog", "person"],
        "boxes": [[20, 10, 40, 50], [0, 0, 200, 100]], "iscrowd": [0, 1],
    }  # fmt: skip
    sample = coco_sample(fields, b"image")
    assert sample.boxes == (pytest.approx((0.1, 0.1, 0.3, 0.6)),)
    assert (sample.labels, sample.crowds) == (("dog",), ((0.0, 0.0, 1.0, 1.0),))
    assert len(coco_sample(fields | {"iscrowd": None}, b"").boxes) == 2


@pytest.mark.skipif(not COCO_OPEN.is_dir(), reason="coco_open is not on this machine")
def test_the_photographs_with_known_boxes() -> None:
    samples = list(coco_samples(COCO_OPEN))
    assert len(samples) == 120
    assert sum(len(sample.boxes) for sample in samples) == 1026
    assert sum(len(sample.crowds) for sample in samples) == 10
    assert Counter(label for sample in samples for label in sample.labels)["dining table"] > 20


def test_segments_find_most_objects_of_scenes_and_name_their_colours() -> None:
    figures = dict(
        zip(COLUMNS[1:], measure(SegmentsWorker(), list(scene_samples(25)), "labels"), strict=True)
    )
    assert float(figures["recall"]) > 0.9
    assert float(figures["precision"]) > 0.7
    assert float(figures["colour"]) > 0.9
