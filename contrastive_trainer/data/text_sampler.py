"""Which of a sample's texts it is trained with in a step: drawn anew every time it is seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contrastive_trainer.data.sample import TrainSample
from schemas.train import TextConfig

Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """A text of a sample, and the same text made false in one place, in as many ways as there are."""

    text: str
    negatives: tuple[str, ...] = ()


def draw_text(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    """Return one text: its kind by the weights of the kinds the sample has, the text itself evenly.

    LaCLIP (arXiv 2305.20088) draws evenly among the caption and its rewrites: with M rewrites that is
    `p_raw: 1, p_rewrite: M`. Raw text is always mixed in by default: synthetic text alone ruins zero-shot
    accuracy (VeCLIP, arXiv 2310.07699, its table of mixtures).
    """
    kinds: list[tuple[float, Callable[[TrainSample, TextConfig, Random], DrawnText]]] = [
        (config.p_raw if sample.alt_text.strip() else 0.0, _raw),
        (config.p_long if _sentences(sample) else 0.0, _long),
        (config.p_short if sample.many("short_positive") else 0.0, _short),
        (config.p_rewrite if sample.many("rewrites") else 0.0, _rewrite),
    ]
    total = sum(weight for weight, _ in kinds)
    if total == 0:
        return DrawnText(text=sample.text or sample.alt_text)
    point = random.random() * total
    for weight, draw in kinds:
        if point < weight:
            return draw(sample, config, random)
        point -= weight
    return next(draw for weight, draw in reversed(kinds) if weight)(sample, config, random)  # rounding


def _raw(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    return DrawnText(text=sample.alt_text)


def _long(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    """Return some sentences in their order; each negative swaps one of them for its contradiction.

    HQ-CLIP's sentences are index-aligned (arXiv 2507.22431, issue 2 of its repository).
    """
    positive, negative = _sentences(sample), sample.many("long_negative")
    count = min(config.sentences, len(positive))
    chosen = sorted(random.choice(len(positive), count, replace=False).tolist())
    texts = [positive[k] for k in chosen]
    negatives = [
        " ".join([*texts[:place], negative[k], *texts[place + 1 :]])
        for place, k in enumerate(chosen)
        if len(negative) == len(positive) and negative[k].strip()
    ]
    order = random.permutation(len(negatives))
    return DrawnText(text=" ".join(texts), negatives=tuple(negatives[i] for i in order))


def _short(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    tags = sample.many("short_positive")
    return DrawnText(text=", ".join(tags[i] for i in random.permutation(len(tags))))


def _rewrite(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    rewrites = sample.many("rewrites")
    return DrawnText(text=rewrites[int(random.integers(len(rewrites)))])


def _sentences(sample: TrainSample) -> list[str]:
    """Return the long description; where no recipe wrote one in sentences, what is fused or recaptioned."""
    one = [sample.one("fused") or sample.one("recaption")]
    return sample.many("long_positive") or [text for text in one if text.strip()]
