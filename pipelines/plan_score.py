"""What the score stage will take, and how much of the pool it keeps at most, from the checkpoint's size.

The milliseconds are those of docs/filters.md, "What they cost": of one CPU core, measured for the trainer's
preset `tiny` and for a ViT-B/32. Another model lies on the straight line through both, over the operations of
its towers (24 times layers times width squared, for each place of a picture and token of a text).
"""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.plan_steps import StepPlan
from schemas.config import RunConfig
from schemas.score import ClipConfig
from schemas.scoring import ScoreConfig
from transforms.publish.caption import TEXTS

MAX_CONFIG_BYTES = 2**20
DECODE_S = 0.003
"""Of a core for a picture of 298,000 pixels to 224 px (`python -m benchmarks.trainer loader`)."""
GPU_SCORES_A_SECOND = 330.0
"""Pictures that a process decodes for a CLIP (`python -m benchmarks.trainer loader`), while its GPU waits;
scoring itself has not been measured on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSize:
    """How large a CLIP is: layers and width of the towers, and the places of a picture."""

    layers: int
    width: int
    places: int
    text_layers: int
    text_width: int

    @property
    def picture(self) -> float:
        """What the picture tower does, relative to others."""
        return self.layers * self.width**2 * self.places

    @property
    def text(self) -> float:
        """What the text tower does for a token, relative to others."""
        return self.text_layers * self.text_width**2


TINY = ClipSize(layers=4, width=128, places=65, text_layers=4, text_width=128)
BASE_32 = ClipSize(layers=12, width=768, places=50, text_layers=12, text_width=512)
PICTURE_S = (0.004, 0.092)
"""Of a picture by `TINY` and `BASE_32`, decoding it included."""
TEXT_S = ((0.007 - 0.004) / 5, (0.180 - 0.092) / 5)
WORDS_S = (0.0065 / 5, 0.117 / 5)
"""Of the words of a text, in addition."""

SEMANTIC_S, PAIR_S = 0.00024, 0.0001
MINING_S = 0.0008 / 20_000
"""For each text of the pool."""

_TOWERS = {"base": (12, 768), "large": (24, 1024), "huge": (32, 1280), "so400m": (27, 1152)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlan:
    """What scoring a sample takes: `seconds` of a core, which only decodes where a GPU scores.

    `share` of the samples is kept at most; `unforeseen` are the rules whose drops no plan can see.
    """

    name: str
    size_from: str
    texts: float
    seconds: float
    on_gpu: bool
    share: float
    unforeseen: tuple[str, ...]


def plan_score(config: RunConfig, steps: Sequence[StepPlan]) -> ScorePlan | None:
    """Return what the score stage takes; None where nothing is scored."""
    if config.score is None:
        return None
    size, size_from = find_size(config.score.clip)
    on_gpu = uses_gpu(config.score.clip.device)
    return ScorePlan(
        name=config.score.clip.name,
        size_from=size_from,
        texts=scored_texts(config.score, steps),
        seconds=DECODE_S if on_gpu else score_seconds(config.score, size, steps),
        on_gpu=on_gpu,
        share=min((rule.bound()[1] for rule in config.score.keep if rule.bound()[0] == "share"), default=1.0),
        unforeseen=tuple(_unforeseen(config)),
    )


def uses_gpu(device: str) -> bool:
    """Return whether a model is planned for a GPU: where one is asked for, or `auto` and one is here."""
    return device == "cuda" or (device == "auto" and os.path.exists("/dev/nvidia0"))


def score_seconds(scoring: ScoreConfig, size: ClipSize, steps: Sequence[StepPlan]) -> float:
    """Return the seconds of one core that scoring a sample takes."""
    pictures = 1 + scoring.clip.average_flipped + (scoring.ocr is not None)
    seconds = pictures * _between(PICTURE_S, TINY.picture, BASE_32.picture, size.picture)
    seconds += scored_texts(scoring, steps) * _between(TEXT_S, TINY.text, BASE_32.text, size.text)
    if scoring.words is not None:
        words = count_texts(steps, scoring.words.read)
        seconds += words * _between(WORDS_S, TINY.text, BASE_32.text, size.text)
    if scoring.negatives is not None:
        seconds += PAIR_S * count_texts(steps, ("long_negative",))
    seconds += SEMANTIC_S if scoring.semantic is not None else 0.0
    return seconds + (MINING_S * scoring.hard_negatives.pool if scoring.hard_negatives is not None else 0.0)


def _between(seconds: tuple[float, float], small: float, large: float, this: float) -> float:
    """Return where a model lies on the line through two that were measured."""
    slope = (seconds[1] - seconds[0]) / (large - small)
    return max(0.0, seconds[0] + slope * (this - small))


def scored_texts(scoring: ScoreConfig, steps: Sequence[StepPlan]) -> float:
    """Return how many texts of a sample are scored: alt text, fields, and what may be the caption."""
    return 1 + count_texts(steps, tuple({*scoring.fields, "long_positive", *TEXTS}))


def count_texts(steps: Sequence[StepPlan], fields: Collection[str]) -> float:
    """Return how many texts the steps write into these fields, on average over the samples."""
    texts = 0.0
    for step in steps:
        found = [annotation.fields.get(name) for annotation in step.written.values() for name in fields]
        texts += sum(map(_number, found)) / max(len(step.written), 1)
    return texts


def _number(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else int(value is not None)


def find_size(clip: ClipConfig) -> tuple[ClipSize, str]:
    """Return a checkpoint's size, and where it is from: its config.json, its name, or nothing but a guess."""
    path = os.path.join(os.path.expanduser(clip.checkpoint), "config.json")
    try:
        with open(path, "rb") as stream:
            values = json.loads(stream.read(MAX_CONFIG_BYTES))
        return read_size(values), "by the size in its config.json"
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        named = size_of_name(clip.checkpoint)
    return (
        (named, "by the size in its name") if named else (BASE_32, "as by a ViT-B/32: its size is not known")
    )


def read_size(config: Mapping[str, Any]) -> ClipSize:
    """Return the size that a checkpoint's config.json tells; what it leaves out is transformers' default."""
    vision, text = config.get("vision_config") or {}, config.get("text_config") or {}
    is_siglip = str(config.get("model_type", "")).startswith("siglip")
    side, patch = int(vision.get("image_size", 224)), int(vision.get("patch_size", 16 if is_siglip else 32))
    places = int(vision.get("num_patches", (side // patch) ** 2)) + (not is_siglip)  # CLIP has a class place
    size = ClipSize(
        layers=int(vision.get("num_hidden_layers", 12)),
        width=int(vision.get("hidden_size", 768)),
        places=places,
        text_layers=int(text.get("num_hidden_layers", 12)),
        text_width=int(text.get("hidden_size", 768 if is_siglip else 512)),
    )
    if min(size.layers, size.width, size.places, size.text_layers, size.text_width) < 1:
        raise ValueError("a tower without layers")
    return size


def size_of_name(name: str) -> ClipSize | None:
    """Return the size that a hub id tells, such as clip-vit-large-patch14 and siglip-base-patch16-224."""
    told = re.search(r"(base|large|huge|so400m)-patch(\d+)(?:-(\d{3}))?", name.lower())
    if told is None:
        return None
    (layers, width), patch, side = _TOWERS[told[1]], int(told[2]) or 32, int(told[3] or 224)
    is_siglip = "siglip" in name.lower()
    wide = {"base": (12, 512), "large": (12, 768), "huge": (24, 1024)}.get(told[1], (layers, width))
    text = (layers, width) if is_siglip else wide
    return ClipSize(
        layers=layers,
        width=width,
        places=(side // patch) ** 2 + (not is_siglip),
        text_layers=text[0],
        text_width=text[1],
    )


def _unforeseen(config: RunConfig) -> Iterator[str]:
    """Yield the rules of the score stage whose drops cannot be told from a sample."""
    assert config.score is not None
    for number, rule in enumerate(config.score.keep):
        if rule.bound()[0] == "min":
            yield f"keep[{number}]"
    if config.score.ocr is not None and config.score.ocr.max_printed is not None:
        yield "ocr.max_printed"
    for name in ("semantic", "balance"):
        if getattr(config.score, name) is not None:
            yield name
