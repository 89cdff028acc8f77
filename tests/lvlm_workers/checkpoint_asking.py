"""Prompts and pictures for tiny checkpoints of transformers, and what is compared of the replies."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lvlm_workers.base import Reply, Request
from lvlm_workers.transformers import TransformersWorker
from schemas.annotation import Sampling
from schemas.workers import TransformersWorkerConfig

TOKENS = 12
PROMPTS = [f"Describe the thing{' over there' * n}, number {n}." for n in range(10)]


def make(folder: Path | str, **settings: Any) -> TransformersWorker:
    values = {"kind": "transformers", "model": str(folder), "device": "cpu", **settings}
    return TransformersWorker(TransformersWorkerConfig.model_validate(values))


def requests_of(prompts: Sequence[str], **settings: Any) -> list[Request]:
    settings = {"sampling": Sampling(max_tokens=TOKENS), **settings}
    return [Request(tag=number, prompt=prompt, **settings) for number, prompt in enumerate(prompts)]


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def pictures(count: int) -> list[Image.Image]:
    """Return small JPEG pictures of many shapes, as a worker decodes them."""
    found = []
    for number in range(count):
        image = Image.linear_gradient("L").resize((60 + 17 * number, 130 - 9 * number)).convert("RGB")
        image.paste((25 * number, 200, 90), (10, 10, 30 + 3 * number, 40))
        found.append(image)
    return found


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def told(reply: Reply) -> tuple[str, str, int, int]:
    return reply.text, reply.finish_reason, reply.tokens_in, reply.tokens_out
