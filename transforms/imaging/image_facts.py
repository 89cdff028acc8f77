"""Hash, decode and measure a batch of images."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

import numpy as np

from transforms.imaging.decode import Damage, Decoded, decode
from transforms.imaging.measure import Measures, measure_thumbs

RECENT_IMAGES = 4096
"""Measured images whose facts are remembered (about 1.5 KB each)."""

ImageFacts = dict[str, Any]
"""Keyword arguments of `schemas.facts.Facts`: the measures, or stage, reason and value."""


class _Recent:
    """The facts of the images measured last, by what decides them; safe to use from threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._facts: OrderedDict[object, ImageFacts] = OrderedDict()

    def get(self, key: object) -> ImageFacts | None:
        with self._lock:
            if key in self._facts:
                self._facts.move_to_end(key)
            return self._facts.get(key)

    def put(self, key: object, facts: ImageFacts) -> None:
        with self._lock:
            self._facts[key] = facts
            if len(self._facts) > self._size:
                self._facts.popitem(last=False)


_recent = _Recent(RECENT_IMAGES)


def image_facts(images: Iterable[bytes], *, formats: Sequence[str], max_pixels: int) -> list[ImageFacts]:
    """Return the facts of each image, in order. The images are taken one at a time and not kept.

    Bytes that were measured lately in this process, under the same limits, are not decoded again: placeholder
    pictures come in crowds.
    """
    limits = (tuple(formats), max_pixels)
    hashes: list[bytes] = []
    known: dict[bytes, ImageFacts] = {}
    decoded: dict[bytes, Decoded] = {}
    for data in images:
        sha256 = hashlib.sha256(data).digest()
        hashes.append(sha256)
        if sha256 in known or sha256 in decoded:
            continue
        if (facts := _recent.get((sha256, limits))) is not None:
            known[sha256] = facts
            continue
        outcome = decode(data, formats=formats, max_pixels=max_pixels)
        if isinstance(outcome, Decoded):
            decoded[sha256] = outcome
        else:
            known[sha256] = _damage_facts(sha256, outcome)
    for sha256, facts in _measured_facts(decoded).items():
        known[sha256] = facts
        _recent.put((sha256, limits), facts)
    return [known[sha256] for sha256 in hashes]


def _damage_facts(sha256: bytes, damage: Damage) -> ImageFacts:
    return {"sha256": sha256, "stage": "decode", "reason": damage.reason, "value": damage.value}


def _measured_facts(decoded: dict[bytes, Decoded]) -> dict[bytes, ImageFacts]:
    if not decoded:
        return {}
    measures = measure_thumbs(np.stack([picture.thumb for picture in decoded.values()]))
    return {
        sha256: _facts(sha256, picture, measures, place)
        for place, (sha256, picture) in enumerate(decoded.items())
    }


def _facts(sha256: bytes, picture: Decoded, measures: Measures, place: int) -> ImageFacts:
    return {
        "sha256": sha256,
        "format": picture.format,
        "mode": picture.mode,
        "width": picture.width,
        "height": picture.height,
        "frames": picture.frames,
        "orientation": picture.orientation,
        "phash": int(measures.phash[place]) if measures.phash_valid[place] else None,
        "colour_grid": measures.colour_grid[place].tobytes(),
        "colour_shares": tuple(measures.colour_shares[place].tolist()),
        "brightness": float(measures.brightness[place]),
        "contrast": float(measures.contrast[place]),
        "sharpness": float(measures.sharpness[place]),
        "entropy": float(measures.entropy[place]),
    }
