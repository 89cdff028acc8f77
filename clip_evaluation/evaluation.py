"""What an evaluation is: prepared from its data without a model, measured with one."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clip_evaluation.embedder import Embedder, Rows
from clip_evaluation.zero_shot import class_embeddings, fill_templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The record of a probe, and a plot of it (SVG) where there is one."""

    record: Any
    plot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An evaluation whose data are read and checked.

    `data` is the same for the same items in the same order; `notes` say how many there are and what was left
    out, by reason.
    """

    data: str
    notes: dict[str, int]
    measure: Callable[[Embedder], Measured]


def fingerprint(*parts: Any) -> str:
    """Return the hash of what makes the items of an evaluation: texts, numbers, hashes and lists of them."""
    told = json.dumps(parts, default=bytes.hex, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def embed_classes(embedder: Embedder, names: Sequence[str], templates: Sequence[str], what: str) -> Rows:
    """Return an embedding (C, D) a class, the mean over its texts."""
    filled = [fill_templates(templates, name) for name in names]
    # A template at a time, so that another evaluation that shares some finds them in the cache.
    parts = [
        embedder.texts([texts[number] for texts in filled], f"{what}: {template}")
        for number, template in enumerate(templates)
    ]
    return class_embeddings(np.stack(parts, axis=1))
