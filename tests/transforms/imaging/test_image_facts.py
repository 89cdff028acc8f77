import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from transforms.imaging import image_facts as module
from transforms.imaging.image_facts import image_facts


def _png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_recent", module._Recent(8))


def _facts(*images: bytes, max_pixels: int = 10**6) -> list[module.ImageFacts]:
    return image_facts(images, formats=("png",), max_pixels=max_pixels)


def test_facts_are_in_order_with_damage_in_its_place() -> None:
    first, broken, second = _facts(_png(1), b"no image", _png(2))
    assert [first["sha256"], second["sha256"]] == [hashlib.sha256(_png(seed)).digest() for seed in (1, 2)]
    assert (first["format"], first["width"], first["height"], first["frames"]) == ("png", 30, 20, 1)
    assert (broken["stage"], broken["reason"]) == ("decode", "unknown_format")
    assert len(first["colour_grid"]) == 27
    assert sum(first["colour_shares"]) == pytest.approx(1)


def test_equal_bytes_are_decoded_once_with_equal_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    decode = module.decode
    monkeypatch.setattr(module, "decode", lambda data, **rest: calls.append(1) or decode(data, **rest))
    first, again = _facts(_png(1), _png(1))
    (later,) = _facts(_png(1))
    assert first == again == later
    assert len(calls) == 1
    # Other limits may give another outcome.
    assert _facts(_png(1), max_pixels=1)[0]["reason"] == "oversized_image"


def test_only_the_latest_images_are_remembered() -> None:
    _facts(*(_png(seed) for seed in range(20)))
    assert len(module._recent._facts) == 8
    assert _facts(_png(0)) == _facts(_png(0))


def test_a_flat_picture_has_no_hash() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(stream, "png")
    assert _facts(stream.getvalue())[0]["phash"] is None


def test_threads_agree() -> None:
    images = [_png(seed % 12) for seed in range(48)]
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda start: _facts(*images[start : start + 6]), range(0, 48, 6)))
    flat = [facts for batch in batches for facts in batch]
    assert flat[:12] == flat[12:24] == flat[36:]
