"""Pictures and captions: retrieval, pairs of texts, statements."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clip_evaluation.evaluations.registry import prepare
from clip_evaluation.pictures import hash_of
from tests.clip_evaluation.oracle import Oracle, Parse, coco, measure, png


def test_retrieval(write_tar: Callable[..., Path]) -> None:
    captions = {n: [] if n % 5 == 4 else [f"text {n} {k}" for k in range(n % 3 + 1)] for n in range(60)}
    path = write_tar("coco/0.tar", coco(captions)).parent
    planted = {hash_of(png(f"picture {n}")): texts[0] for n, texts in captions.items() if texts}
    config = {"kind": "retrieval", "data": {"kind": "coco_open", "path": str(path)}, "k": [1, 3]}
    made = prepare("it", Parse(config))
    texts = sum(len(own) for own in captions.values())
    assert made.notes == {"pictures": 48, "captions": texts, "without_caption": 12}
    seeing, _ = measure(config, Oracle(planted))
    guessing, result = measure(config, Oracle())
    assert seeing["image_to_text.recall.1"].value == 1
    # The first caption finds its picture; of the others a share of about 1 / 48.
    assert seeing["text_to_image.recall.1"].value == pytest.approx(48 / texts, abs=0.05)
    for name in ("image_to_text.recall.3", "text_to_image.recall.1"):
        low, chance, high = guessing[name].low, guessing[name].chance, guessing[name].high
        assert low is not None
        assert chance is not None
        assert high is not None
        assert low <= chance <= high
    assert result.plot.count("<polyline") == 4


def test_sugar_crepe(write_tar: Callable[..., Path], tmp_path: Path) -> None:
    images = write_tar("coco/0.tar", coco({n: [f"a caption {n}"] for n in range(20)})).parent
    kinds = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
    for kind in kinds:
        entries = {
            str(n): {
                "filename": f"{n % 25:012}.jpg",
                "caption": f"{kind} true {n % 25}",
                "negative_caption": f"{kind} false {n}",
            }
            for n in range(50)
        }
        (tmp_path / f"{kind}.json").write_text(json.dumps(entries))
    data = {"kind": "sugar_crepe", "path": str(tmp_path), "images": str(images)}
    config = {"kind": "compositional", "data": data}
    assert prepare("it", Parse(config)).notes == {
        "pairs": 280, "pictures": 20, "pairs_without_picture": 70,
    }  # fmt: skip
    planted = {hash_of(png(f"picture {n}")): f"swap_obj true {n}" for n in range(20)}
    seeing, _ = measure(config, Oracle(planted))
    assert seeing["model.types.swap_obj.accuracy"].value == 1
    guessing, _ = measure(config, Oracle())
    figure = guessing["model.overall.accuracy"]
    assert figure.n == 280
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= 0.5 <= figure.high
    # "true" and "false" are in every pair: words alone tell them apart, and the model must not.
    assert guessing["blind.bag_of_words.overall.accuracy"].value == 1
    assert guessing["blind.mean_picture.overall.accuracy"].value < 0.8
    assert guessing["blind.plausible.overall.accuracy"].n == 280


def test_statements(write_tar: Callable[..., Path]) -> None:
    members = []
    planted = {}
    for n in range(80):
        sentence, is_true = f"sentence {n // 8}", n % 8 < 5
        data = png(f"scene number {n}")
        members += [
            (f"{n:03}.json", json.dumps({"text": sentence, "label": int(is_true)}).encode()),
            (f"{n:03}.png", data),
        ]
        if is_true:
            planted[hash_of(data)] = sentence
    path = write_tar("nlvr/0.tar", members).parent
    config = {"kind": "statements", "data": {"kind": "nlvr_scenes", "path": str(path)}}
    seeing, _ = measure(config, Oracle(planted))
    assert (seeing["pooled"].value, seeing["within"].value) == (1, 1)
    guessing, made = measure(config, Oracle())
    assert made.record.sentences == 10
    for name in ("pooled", "within"):
        low, high = guessing[name].low, guessing[name].high
        assert low is not None
        assert high is not None
        assert low <= 0.5 <= high
