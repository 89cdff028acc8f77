"""From a sample to what a batch needs of it: picture, drawn texts, negatives, tags, regions.

Shape letters: C channels, H and W pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from contrastive_trainer.data.picture import load_picture
from contrastive_trainer.data.sample import TrainSample
from contrastive_trainer.data.text_sampler import DrawnText, draw_text, short_text
from schemas.boxes import Box, crop_box
from schemas.regions import read_region
from schemas.train import TrainConfig

MIN_SIDE = 1e-3
"""Of a region, as a share of the picture's side; what is smaller is a line."""

Region = tuple[Box, str]


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
    regions: tuple[Region, ...] = ()
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
        UnreadableSampleError: the picture cannot be decoded, or there is no text.
    """
    losses = config.losses
    drawn = draw_text(sample, config.texts, random)
    texts: tuple[str, ...] = ()
    if losses.multi_text:
        more = (draw_text(sample, config.texts, random).text for _ in range(losses.multi_text.texts - 1))
        texts = (drawn.text, *more)
    image_CHW, window = load_picture(sample.image, image_size, config.data.crop_scale, random)
    tags = _known(sample.many("short_positive"), vocabulary)
    false_tags = _known(sample.many("short_negative"), vocabulary)
    return Assembled(
        uid=sample.uid,
        image_CHW=image_CHW,
        drawn=drawn,
        texts=texts,
        short=short_text(sample) if losses.long_clip else "",
        tags=tags,
        false_tags=tuple(tag for tag in false_tags if tag not in tags),
        regions=_drawn_regions(sample, window, losses.regions.per_image, random) if losses.regions else (),
        distilled=_distilled(sample, losses.distill.text) if losses.distill else "",
    )


def read_regions(sample: TrainSample) -> list[Region]:
    """Return the boxes and phrases of a sample; what is no region is left out."""
    found = map(read_region, sample.items("regions"))
    return [(region.box, region.phrase) for region in found if region is not None]


def _known(tags: list[str], vocabulary: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(vocabulary[tag] for tag in dict.fromkeys(tags) if tag in vocabulary)


def _distilled(sample: TrainSample, column: str) -> str:
    return sample.alt_text if column == "alt_text" else sample.one("caption") or sample.text


def _drawn_regions(
    sample: TrainSample, window: Box, count: int, random: np.random.Generator
) -> tuple[Region, ...]:
    """Return up to `count` regions that are still in the picture, drawn evenly, in their own order."""
    regions: list[Region] = []
    for box, phrase in read_regions(sample):
        left = crop_box(box, window)
        if left is not None and min(left[2] - left[0], left[3] - left[1]) >= MIN_SIDE:
            regions.append((left, phrase))
    if len(regions) > count:
        regions = [regions[i] for i in sorted(random.choice(len(regions), count, replace=False).tolist())]
    return tuple(regions)
