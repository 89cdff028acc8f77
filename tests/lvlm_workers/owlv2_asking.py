"""Pictures of every kind, phrases to look for in them, and what a tiny OWLv2 finds."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lvlm_workers.base import Reply, Request
from lvlm_workers.owlv2 import Owlv2Worker
from schemas.workers import Owlv2WorkerConfig

PHRASES = ("a red fox", "a barn", "green grass", "sky", "two dogs", "blue car", "old wooden door")
THRESHOLD = 0.3


def make(folder: Path | str, **settings: Any) -> Owlv2Worker:
    values = {"kind": "owlv2", "model": str(folder), "device": "cpu", "threshold": THRESHOLD, **settings}
    return Owlv2Worker(Owlv2WorkerConfig.model_validate(values))


def request(tag: int, phrases: Sequence[str], image: bytes | None) -> Request:
    return Request(tag=tag, prompt=json.dumps({"phrases": list(phrases)}), image=image)


def regions(reply: Reply) -> list[Any]:
    assert reply.finish_reason == "stop"
    found = json.loads(reply.text)
    assert list(found) == ["regions"]
    return found["regions"]


def encode(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(scene(90, 50, 9), "JPEG", exif=exif)


def see_through(mode: str) -> Image.Image:
    image = scene(80, 60, 6).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize((80, 60)))
    return image


PICTURES: dict[str, bytes] = {
    "landscape": encode(scene(120, 70, 1), "JPEG"),
    "portrait": encode(scene(50, 110, 2), "JPEG"),
    "square": encode(scene(64, 64, 3)),
    "tiny": encode(scene(7, 5, 4)),
    "grey": encode(scene(90, 100, 5).convert("L")),
    "grey JPEG": encode(scene(100, 40, 5).convert("L"), "JPEG"),
    "RGBA": encode(see_through("RGB")),
    "palette": encode(scene(70, 100, 7).quantize(16)),
    "palette with one colour left out": encode(scene(70, 60, 7).quantize(16), transparency=3),
    **{f"turned {number}": turned(number) for number in (3, 5, 6, 8)},
}


def assert_same(
    found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], atol: float = 1e-4
) -> None:
    """Compare regions in any order: of each, box, score and phrase."""
    assert len(found) == len(expected)
    numbers_N5, wanted_M5 = (
        torch.tensor([[*region["box"], region["score"]] for region in side]).reshape(-1, 5)
        for side in (found, expected)
    )
    apart_MN = (wanted_M5[:, None] - numbers_N5).abs().amax(dim=2)
    for row, region in enumerate(expected):
        for column, other in enumerate(found):
            apart_MN[row, column] += region["phrase"] != other["phrase"]
    near = apart_MN.min(dim=1) if found else None
    if near is not None:
        assert near.values.max() < atol
        assert sorted(near.indices.tolist()) == list(range(len(found)))
