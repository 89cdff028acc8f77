"""An embedder that knows the right text of a picture, and data for it."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import TypeAdapter

from clip_evaluation.embedder import Embedder
from clip_evaluation.evaluations.registry import prepare
from clip_evaluation.figure import Figure, figures
from clip_evaluation.pictures import Pictures, hash_of
from schemas.evaluate import Evaluation

NAMES = ("cat", "dog", "owl")
Parse = TypeAdapter(Evaluation).validate_python
Rows = NDArray[np.float32]


class Oracle:
    """Embeds a picture as the text that is planted for it, with a little noise, and texts by chance.

    Corruption of severity s leaves the first 6 - s of ten pictures as they are.
    """

    scale = 100.0

    def __init__(self, texts: Mapping[bytes, str] | None = None) -> None:
        self._texts = texts

    def images(self, pictures: Pictures, what: str, *, corruption: tuple[str, int] | None = None) -> Rows:
        rows = []
        for place, digest in enumerate(pictures.digests):
            spoilt = corruption is not None and place % 10 >= 6 - corruption[1]
            text = None if self._texts is None or spoilt else self._texts.get(digest)
            noise = self._draw(digest)
            rows.append(noise if text is None else self._draw(text.encode()) + 0.1 * noise)
        return np.stack(rows)

    def texts(self, texts: Sequence[str], what: str) -> Rows:
        return np.stack([self._draw(text.encode()) for text in texts])

    @staticmethod
    def _draw(data: bytes) -> Rows:
        seed = int.from_bytes(hash_of(data)[:8], "big")
        return np.random.default_rng(seed).normal(size=64).astype(np.float32)


def png(text: str) -> bytes:
    """Return a picture that a text decides."""
    seed = int.from_bytes(hash_of(text.encode())[:8], "big")
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def measure(config: dict[str, Any], oracle: Oracle) -> tuple[dict[str, Figure], Any]:
    made = prepare("it", Parse(config)).measure(cast(Embedder, oracle))
    return dict(figures(made.record)), made


def labelled(rows: list[tuple[str, str, str]]) -> list[tuple[str, bytes]]:
    """Return the members of samples of (key, class, group)."""
    return [
        member
        for key, label, group in rows
        for member in (
            (f"{key}.json", json.dumps({"label": label, "person": {"age": group}}).encode()),
            (f"{key}.png", png(key)),
        )
    ]


def coco(captions: dict[int, list[str]]) -> list[tuple[str, bytes]]:
    return [
        member
        for number, texts in captions.items()
        for member in (
            (f"{number:03}.jpg", png(f"picture {number}")),
            (f"{number:03}.json", json.dumps({"coco_id": number, "captions": texts}).encode()),
        )
    ]
