"""From a sample to what a batch needs of it: picture, drawn texts, negatives, tags, regions.

Shape letters: C channels, H and W pixels, R regions of a sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from contrastive_trainer.data.picture import load_picture
from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.data.text_sampler import DrawnText, draw_text
from schemas.boxes import Box, crop_box
from schemas.train import TrainConfig

MIN_SIDE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """All that the configured losses need of one sample."""

    uid: str
    image_CHW: Tensor
    drawn: DrawnText
    texts: tuple[str, ...] = ()
    short: str = ""
    tags: tuple[int, ...] = ()
    false_tags: tuple[int, ...] = ()
    regions: tuple[tuple[Box, str], ...] = ()
    distilled: str = ""


def assemble(
    sample: TrainSample,
    config: TrainConfig,
    image_size: int,
    vocabulary: Mapping[str, int],
    random: np.random.Generator,
) -> Assembled:
    """Return what the losses of a configuration need; all that is drawn is drawn from `random`.

    Raises:
        UnreadableSampleError: the picture cannot be decoded.
    """
    losses = config.losses
    drawn = draw_text(sample, config.texts, random)
    texts: tuple[str, ...] = ()
    if losses.multi_text:
        more = (draw_text(sample, config.texts, random).text for _ in range(losses.multi_text.texts - 1))
        texts = (drawn.text, *more)
    image_CHW, window = load_picture(sample.image, image_size, config.data.crop_scale, random)
    return Assembled(
        uid=sample.uid,
        image_CHW=image_CHW,
        drawn=drawn,
        texts=texts,
        short=short_text(sample) if losses.long_clip else "",
        tags=_known(sample.many("short_positive"), vocabulary),
        false_tags=_known(sample.many("short_negative"), vocabulary),
        regions=_regions(sample, window, losses.regions.per_image, random) if losses.regions else (),
        distilled=_distilled(sample, losses.distill.text) if losses.distill else "",
    )


def short_text(sample: TrainSample) -> str:
    """Return the text of Long-CLIP's short branch: the first sentence of the long one, else the alt text."""
    long = sample.many("long_positive") or [sample.one("recaption").partition(". ")[0]]
    return long[0] if long[0].strip() else sample.alt_text


def _known(tags: list[str], vocabulary: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(vocabulary[tag] for tag in dict.fromkeys(tags) if tag in vocabulary)


def _distilled(sample: TrainSample, column: str) -> str:
    return sample.alt_text if column == "alt_text" else sample.one("caption") or sample.text


def _regions(
    sample: TrainSample, window: Box, count: int, random: np.random.Generator
) -> tuple[tuple[Box, str], ...]:
    """Return up to `count` regions that are still in the picture, drawn evenly, in their own order."""
    found = sample.fields.get("regions")
    regions: list[tuple[Box, str]] = []
    for region in found if isinstance(found, list) else []:
        if not isinstance(region, dict) or not isinstance(region.get("phrase"), str):
            continue
        box = region.get("box")
        if not (isinstance(box, list) and len(box) == 4 and all(type(s) in (int, float) for s in box)):
            continue
        left = crop_box(box, window)
        if left and region["phrase"].strip() and min(left[2] - left[0], left[3] - left[1]) >= MIN_SIDE:
            regions.append((left, region["phrase"]))
    if len(regions) > count:
        regions = [regions[i] for i in sorted(random.choice(len(regions), count, replace=False).tolist())]
    return tuple(regions)
