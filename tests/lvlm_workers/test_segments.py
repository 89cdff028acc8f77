import importlib.util
import io
import json
import math
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lvlm_workers.base import Reply, Request
from lvlm_workers.chat_api import REFUSED_REQUEST
from lvlm_workers.colour_segments import find_segments
from lvlm_workers.registry import make_worker
from lvlm_workers.segments import SegmentsWorker
from schemas.errors import ConfigError
from schemas.workers import SegmentsWorkerConfig

BLOCKS = {
    "red area, upper left": ((60, 40, 180, 120), "#d02628"),
    "blue area, centre": ((250, 180, 390, 300), "#225ccc"),
    "orange area, lower left": ((80, 330, 160, 450), "#f2821a"),
    "green area, right": ((480, 170, 600, 290), "#2c9846"),
    "black area, bottom": ((280, 380, 360, 440), "#141414"),
    "purple area, top": ((290, 30, 380, 110), "#7a32a4"),
}


def planted(ground: str = "#eee6d8", noise: float = 0.0) -> Image.Image:
    picture = Image.new("RGB", (640, 480), ground)
    for (x0, y0, x1, y1), colour in BLOCKS.values():
        ImageDraw.Draw(picture).rectangle((x0, y0, x1 - 1, y1 - 1), fill=colour)
    pixels = np.asarray(picture, np.float64) + np.random.default_rng(0).normal(0, noise, (480, 640, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def ask(*images: bytes | None) -> list[Reply]:
    requests = [Request(tag=n, prompt="a red car", image=image) for n, image in enumerate(images)]
    answered = list(SegmentsWorker().answer(requests))
    assert [request.tag for request, _ in answered] == list(range(len(images)))
    return [reply for _, reply in answered]


def regions(image: bytes) -> list[dict[str, Any]]:
    (reply,) = ask(image)
    assert (reply.model, reply.finish_reason) == ("segments", "stop")
    found = json.loads(reply.text)
    assert list(found) == ["regions"]
    assert all(list(region) == ["box", "phrase", "score"] for region in found["regions"])
    return list(found["regions"])


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (sum(areas) - shared)


def assert_finds_the_blocks(found: list[dict[str, Any]]) -> None:
    by_phrase = {region["phrase"]: region for region in found}
    assert len(by_phrase) == len(found) == len(BLOCKS)
    for phrase, ((x0, y0, x1, y1), _) in BLOCKS.items():
        assert iou(by_phrase[phrase]["box"], (x0 / 640, y0 / 480, x1 / 640, y1 / 480)) > 0.8, phrase
        assert by_phrase[phrase]["score"] > 0.7


@pytest.mark.parametrize("ground", ["#eee6d8", "#50647a", "#ffffff"])
def test_planted_blocks_are_found_and_named(ground: str) -> None:
    assert_finds_the_blocks(regions(encoded(planted(ground))))


def test_noise_and_jpeg_change_little() -> None:
    assert_finds_the_blocks(regions(encoded(planted(noise=6.0), "JPEG", quality=85)))


def test_the_best_come_first_and_a_faint_block_last() -> None:
    picture = planted()
    ImageDraw.Draw(picture).rectangle((460, 340, 599, 439), fill="#c4b8a0")
    found = regions(encoded(picture))
    scores = [region["score"] for region in found]
    assert scores == sorted(scores, reverse=True)
    assert iou(found[-1]["box"], (460 / 640, 340 / 480, 600 / 640, 440 / 480)) > 0.8


def test_the_score_is_contrast_times_solidity() -> None:
    rgb = np.full((60, 60, 3), 119, np.uint8)  # L* 50.03
    rgb[20:40, 10:40] = 167  # L* 68.49: a block fills its hull, so that contrast alone counts
    (block,) = find_segments(rgb)
    assert block.box == (round(10 / 60, 6), round(20 / 60, 6), round(40 / 60, 6), round(40 / 60, 6))
    assert block.score == pytest.approx((68.49 - 50.03) / 40, abs=2e-3)
    rgb[:] = 255
    rgb[20:50, 10:20] = rgb[40:50, 10:40] = 0  # an L: 500 of the hull's 30 x 30 less half of 20 x 20
    (corner,) = find_segments(rgb)
    assert corner.score == pytest.approx(500 / 700, abs=0.04)  # the cut goes along pixels, and not across


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_turned_by_exif_is_as_the_upright_one(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = planted().transpose(undo[orientation])
    assert_finds_the_blocks(regions(encoded(stored, "JPEG", quality=95, exif=exif)))
    assert ask(encoded(stored, exif=exif))[0].text == ask(encoded(planted()))[0].text


def test_grey_pictures_and_transparency() -> None:
    grey = Image.new("L", (90, 60), 240)
    grey.paste(20, (30, 20, 60, 40))
    (region,) = regions(encoded(grey))
    assert (region["phrase"], region["score"]) == ("black area, centre", 1.0)
    assert iou(region["box"], (1 / 3, 1 / 3, 2 / 3, 2 / 3)) > 0.99
    clear = Image.new("RGBA", (90, 60), (255, 0, 0, 0))
    clear.paste((34, 92, 204, 255), (0, 40, 30, 60))
    (region,) = regions(encoded(clear))
    assert region["phrase"] == "blue area, lower left"
    assert iou(region["box"], (0, 2 / 3, 1 / 3, 1)) > 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (300, 1), (64, 48), (1200, 900)])
def test_one_colour_has_no_regions(size: tuple[int, int]) -> None:
    assert regions(encoded(Image.new("RGB", size, "#f2821a"))) == []


def test_at_most_fifty() -> None:
    picture = Image.new("RGB", (400, 300), "white")
    for n in range(80):
        x, y = 10 + n % 10 * 39, 8 + n // 10 * 37
        ImageDraw.Draw(picture).rectangle((x, y, x + 23, y + 23), fill=(200, n * 3, 30))
    assert len(regions(encoded(picture))) == 50


def test_what_is_no_picture_is_refused_and_the_others_are_answered() -> None:
    good = encoded(planted())
    replies = ask(good, b"no picture", None, good[:2000], good)
    assert [reply.finish_reason for reply in replies] == [
        "stop", REFUSED_REQUEST, REFUSED_REQUEST, REFUSED_REQUEST, "stop",
    ]  # fmt: skip
    assert replies[0].text == replies[-1].text
    assert replies[1].text.startswith("the picture cannot be decoded: ")


def test_it_is_made_by_its_kind_and_needs_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    config = SegmentsWorkerConfig(kind="segments")
    worker = make_worker(config)
    assert (worker.name, worker.repeatable, worker.reads_images) == ("segments", True, True)
    assert config.identity() == {"kind": "segments", "model": "segments"}
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "skimage" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ConfigError, match="pairwright\\[segments\\]"):
        make_worker(config)


@st.composite
def _pixels(draw: st.DrawFn) -> NDArray[np.uint8]:
    high, wide = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    colours = draw(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=5))
    seed = draw(st.integers(0, 2**16))
    cell = draw(st.integers(1, 6))
    pick = np.random.default_rng(seed).integers(0, len(colours), (high // cell + 1, wide // cell + 1))
    large = np.array(colours, np.uint8)[pick].repeat(cell, axis=0).repeat(cell, axis=1)
    return large[:high, :wide]


@settings(max_examples=150, deadline=None)
@given(_pixels())
def test_any_small_picture(rgb: NDArray[np.uint8]) -> None:
    found = find_segments(rgb)
    assert found == find_segments(rgb.copy())
    assert len(found) <= 50
    for segment in found:
        x0, y0, x1, y1 = segment.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert math.isfinite(segment.score)
        assert 0 <= segment.score <= 1
