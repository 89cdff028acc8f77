"""What is measured of a sample: one row of the facts table, and the base of every later stage."""

import json
from dataclasses import dataclass
from typing import Any

COLOURS = ("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
"""The eleven basic colour terms (Berlin & Kay 1969), in the order of `Facts.colour_shares`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One unit of an input shard, measured. A unit that could not be read or decoded has `reason`.

    Lengths are in the unit that the name says. Image measures are taken on the picture reduced to 64 x 64
    (squashed, alpha over white), on a 0..255 scale unless said otherwise.
    """

    index: int
    uid: str
    key: str
    url: str | None = None
    alt_text: str = ""
    mended: tuple[str, ...] = ()
    # Where the image's bytes are: see `schemas.shard.Unit`.
    offset: int = -1
    size_bytes: int = 0
    # Why the unit is no sample: `failed` in the accounts. Null for a sample.
    stage: str | None = None
    reason: str | None = None
    value: str | None = None
    # The image.
    sha256: bytes | None = None
    format: str | None = None  # jpeg, png, webp, ...: the real one, not the member's ending
    mode: str | None = None
    width: int = 0  # px, as stored: before `orientation` is applied
    height: int = 0
    frames: int = 0
    orientation: int = 1  # EXIF 1..8
    phash: int | None = None  # 64 bits, unsigned; null for a picture without structure
    colour_grid: bytes | None = None  # mean RGB of 3 x 3 cells, row by row: 27 bytes
    colour_shares: tuple[float, ...] = ()  # of each of COLOURS, summing to 1
    brightness: float = 0.0  # mean of the luma
    contrast: float = 0.0  # standard deviation of the luma
    sharpness: float = 0.0  # variance of the Laplacian of the luma
    entropy: float = 0.0  # of the luma's histogram, bits (0..8)
    # The text.
    words: int = 0
    chars: int = 0
    language: str | None = None  # ISO 639
    language_probability: float = 0.0
    has_html: bool = False
    has_url: bool = False
    is_file_name: bool = False
    repetition: float = 0.0  # share of 4-grams of words that repeat an earlier one, 0..1
    # The sample's own JSON, where it is not too long, and the fields of it that a `json` filter asked for.
    source_json: str = "{}"
    extra: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFacts(Facts):
    """A sample's facts for a recipe that starts from other recipes' fields; never in a table.

    `written` is the JSON object of those fields, with keys sorted.
    """

    written: str = "{}"


def written(facts: Facts) -> dict[str, Any]:
    """Return the fields that earlier recipes wrote of a sample; none where the recipe reads none."""
    return json.loads(facts.written) if isinstance(facts, WrittenFacts) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why a sample was not published: a row of `rejected/`."""

    index: int
    uid: str
    key: str
    stage: str
    kind: str  # dropped (a choice) or failed (damage)
    reason: str
    value: str
