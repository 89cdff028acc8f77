"""Regions against the library's own model, processor and post-processing, on one picture at a time."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps
from transformers import AutoTokenizer, Owlv2ForObjectDetection, Owlv2ImageProcessorPil, Owlv2Processor

import lvlm_workers.owlv2_checkpoint
from lvlm_workers.picture import shrink_picture
from schemas.workers import Owlv2WorkerConfig
from tests.lvlm_workers.asking import ask
from tests.lvlm_workers.owlv2_asking import (
    PHRASES,
    PICTURES,
    THRESHOLD,
    assert_same,
    encode,
    make,
    regions,
    request,
    scene,
    turned,
)
from tests.tiny_owlv2 import SIDE, TOKENS

pytest.importorskip("scipy", reason="the library's own resize needs it")
pytestmark = pytest.mark.usefixtures("one_thread")


def upright(data: bytes) -> Image.Image:
    """Return a picture over white as a viewer shows it."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


class Library:
    """The library's own way from a picture and phrases to regions."""

    def __init__(self, folder: Path) -> None:
        self.model = Owlv2ForObjectDetection.from_pretrained(folder).eval()
        self.processor = Owlv2Processor(
            Owlv2ImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        )

    def detect(self, data: bytes, phrases: Sequence[str], threshold: float) -> list[dict[str, Any]]:
        picture = upright(data)
        inputs = self.processor(
            text=[list(phrases)], images=picture, return_tensors="pt", max_length=TOKENS, truncation=True
        )
        with torch.inference_mode():
            outputs = self.model(**inputs)
        (found,) = self.processor.post_process_grounded_object_detection(
            outputs, threshold, target_sizes=[picture.size[::-1]], text_labels=[list(phrases)]
        )
        assert (found["scores"] - threshold).abs().min() > 1e-5
        box_N4 = found["boxes"] / torch.tensor([*picture.size, *picture.size])
        box_N4 = box_N4.clamp(0, 1)
        sides_N = (box_N4[:, 2:] - box_N4[:, :2]).min(dim=1).values
        assert not ((sides_N > 0) & (sides_N < 1e-5)).any()
        rows = zip(found["scores"].tolist(), box_N4.tolist(), found["text_labels"], sides_N, strict=True)
        return [
            {"box": box, "phrase": phrase, "score": score} for score, box, phrase, side in rows if side > 0
        ]


@pytest.fixture(scope="module")
def library(owlv2: Path) -> Library:
    return Library(owlv2)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_regions_as_the_library_finds_them(owlv2: Path, library: Library, batch_size: int) -> None:
    # Each picture has other phrases, and another number of them.
    asked = [
        (PHRASES[number % 3 : 3 + number % 5] + PHRASES[:1], data)
        for number, data in enumerate(PICTURES.values())
    ]
    assert len({len(phrases) for phrases, _ in asked}) > 3
    worker = make(owlv2, batch_size=batch_size)
    replies = ask(worker, [request(number, *one) for number, one in enumerate(asked)])
    labels, counts = set(), []
    for (phrases, data), reply in zip(asked, replies, strict=True):
        found = regions(reply)
        assert_same(found, library.detect(data, list(dict.fromkeys(phrases)), THRESHOLD))
        scores = [region["score"] for region in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= side <= 1 for region in found for side in region["box"])
        assert {region["phrase"] for region in found} <= set(phrases)
        labels |= {region["phrase"] for region in found}
        counts.append(len(found))
        assert (reply.model, reply.tokens_in, reply.tokens_out) == ("tiny", 0, 0)
        assert reply.seconds > 0
    assert len(labels) > 3
    assert min(counts) > 5


def test_a_turned_picture_has_the_boxes_of_the_upright_one(owlv2: Path) -> None:
    for orientation in range(1, 9):
        data = turned(orientation)
        one, other = ask(make(owlv2), [request(0, PHRASES, data), request(1, PHRASES, encode(upright(data)))])
        assert_same(regions(one), regions(other), atol=1e-5)


def test_the_threshold(owlv2: Path, library: Library) -> None:
    data = PICTURES["landscape"]
    every = library.detect(data, PHRASES, 0.0)
    counts = []
    for threshold in (0.0, 0.5, 0.7):
        (reply,) = ask(make(owlv2, threshold=threshold), [request(0, PHRASES, data)])
        assert_same(regions(reply), [region for region in every if region["score"] > threshold])
        counts.append(len(regions(reply)))
    assert counts == sorted(set(counts), reverse=True)


def test_at_most_so_many_of_the_best(owlv2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [request(0, PHRASES, PICTURES["square"])]
    (reply,) = ask(make(owlv2), asked)
    monkeypatch.setattr(lvlm_workers.owlv2_checkpoint, "MAX_REGIONS", 5)
    (short,) = ask(make(owlv2), asked)
    assert regions(short) == regions(reply)[:5]
    assert len(regions(reply)) > 5


def test_large_pictures_are_reduced_first(owlv2: Path) -> None:
    large = encode(scene(500, 300, 8))
    small = encode(shrink_picture(large, 4 * SIDE**2))
    one, other = ask(make(owlv2), [request(0, PHRASES, large), request(1, PHRASES, small)])
    assert_same(regions(one), regions(other), atol=1e-5)


def test_a_phrase_asked_twice_counts_once(owlv2: Path) -> None:
    twice = request(0, [*PHRASES, *PHRASES], PICTURES["square"])
    one, other = ask(make(owlv2), [twice, request(1, PHRASES, PICTURES["square"])])
    assert_same(regions(one), regions(other), atol=1e-5)


def test_phrases_longer_than_the_text_tower(owlv2: Path, library: Library) -> None:
    phrases = ["an old house by the sea with a garden", "sky", "an old house by the sea with a boat"]
    (reply,) = ask(make(owlv2), [request(0, phrases, PICTURES["square"])])
    expected = library.detect(PICTURES["square"], phrases, THRESHOLD)
    assert_same(regions(reply), expected)
    assert {region["phrase"] for region in expected} == set(phrases[:2])  # cut, the third is the first


def test_what_asks_again() -> None:
    config = Owlv2WorkerConfig(kind="owlv2", model="m")
    assert config.identity() == {
        "kind": "owlv2", "model": "m", "revision": "", "dtype": "auto", "threshold": "0.1",
    }  # fmt: skip
    other = config.model_copy(update={"batch_size": 2, "device": "cpu", "gpu": "nvidia-tesla-t4"})
    assert other.identity() == config.identity()
    assert config.model_copy(update={"threshold": 0.3}).identity() != config.identity()
    for threshold in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            Owlv2WorkerConfig(kind="owlv2", model="m", threshold=threshold)
