"""Which of a sample's texts it is trained with in a step: drawn anew every time it is seen."""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError
from schemas.train import TextConfig

Random = np.random.Generator

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """A text of a sample, and the same text made false in one place, in as many ways as there are."""

    text: str
    negatives: tuple[str, ...] = ()


def draw_text(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    """Return one text: its kind by the weights of the kinds the sample has, the text itself evenly.

    LaCLIP (arXiv 2305.20088) draws evenly among the caption and its M rewrites, that is `p_raw: 1,
    p_rewrite: M`. Raw text is always mixed in by default: synthetic text alone ruins zero-shot accuracy
    (VeCLIP, arXiv 2310.07699, its table of mixtures). A sample with none of the kinds that have a weight
    gives the text beside its picture, which is its caption, else the alt text.

    Raises:
        UnreadableSampleError: the sample has no text at all.
    """
    kinds: list[tuple[float, Callable[[TrainSample, TextConfig, Random], DrawnText]]] = [
        (config.p_raw if sample.alt_text.strip() else 0.0, _raw),
        (config.p_long if config.p_long and long_pairs(sample) else 0.0, _long),
        (config.p_short if sample.many("short_positive") else 0.0, _short),
        (config.p_rewrite if sample.many("rewrites") else 0.0, _rewrite),
    ]
    kinds = [kind for kind in kinds if kind[0]]
    if not kinds:
        text = next((text for text in (sample.text, sample.alt_text) if text.strip()), None)
        if text is None:
            raise UnreadableSampleError("no text")
        return DrawnText(text=text)
    ends = list(accumulate(weight for weight, _ in kinds))
    number = bisect_right(ends, random.random() * ends[-1])
    return kinds[min(number, len(kinds) - 1)][1](sample, config, random)  # the product may round up


def long_pairs(sample: TrainSample) -> list[tuple[str, str]]:
    """Return the sentences of the long text, each with its contradiction (empty where there is none).

    The long text is `long_positive`; without it the sentences of `fused`, else of `recaption`. `compressed`
    is none: it is the recaption made to fit a tower of 77 tokens, into which a few sentences fit anyway.
    Sentences and contradictions are index-aligned (HQ-CLIP, arXiv 2507.22431, issue 2 of its repository);
    lists of unequal length are not, and then nothing contradicts.
    """
    names = ("long_positive", "long_negative")
    positive, negative = map(sample.items, names)
    whole = [sample.fields.get(name) for name in names]  # not the part that is read: its length is bounded
    if len({len(texts) if isinstance(texts, list) else None for texts in whole}) > 1:
        negative = [None] * len(positive)
    pairs = [
        (true, false if isinstance(false, str) and false.strip() not in ("", true.strip()) else "")
        for true, false in zip(positive, negative, strict=True)
        if isinstance(true, str) and true.strip()
    ]
    written = sample.one("fused") if sample.one("fused").strip() else sample.one("recaption")
    return pairs or [(text, "") for text in _SENTENCE_END.split(written.strip()) if text]


def short_text(sample: TrainSample) -> str:
    """Return the text of Long-CLIP's short branch: the first sentence of the long one, else the alt text."""
    pairs = long_pairs(sample)
    return pairs[0][0] if pairs else sample.alt_text


def _raw(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    return DrawnText(text=sample.alt_text)


def _long(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    """Return some sentences in their order; each negative swaps one of them for its contradiction."""
    pairs = long_pairs(sample)
    count = min(config.sentences, len(pairs))
    chosen = [pairs[k] for k in sorted(random.choice(len(pairs), count, replace=False).tolist())]
    texts = [true for true, _ in chosen]
    negatives = [
        " ".join([*texts[:k], false, *texts[k + 1 :]]) for k, (_, false) in enumerate(chosen) if false
    ]
    order = random.permutation(len(negatives))
    return DrawnText(text=" ".join(texts), negatives=tuple(negatives[i] for i in order))


def _short(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    tags = sample.many("short_positive")
    return DrawnText(text=", ".join(tags[i] for i in random.permutation(len(tags))))


def _rewrite(sample: TrainSample, config: TextConfig, random: Random) -> DrawnText:
    rewrites = sample.many("rewrites")
    return DrawnText(text=rewrites[int(random.integers(len(rewrites)))])
