"""What the loader hands to the trainer.

Shape letters: B samples of a rank's batch, C channels, H and W pixels, L tokens, K hard negatives a sample,
T texts a sample, R regions a sample, G tags a sample (padded), V tags of the vocabulary, E teachers' width.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One rank's part of a batch; what no loss asked for is None.

    Token rows end with the end token and are padded to L. Boxes are (x0, y0, x1, y1) in 0..1 of the
    picture as the model sees it, after crop and resize.
    """

    step: int  # of the run, from 0
    samples: tuple[str, ...]  # uids, in order
    image_BCHW: Tensor  # uint8
    text_BL: Tensor  # int64
    negative_BKL: Tensor | None = None
    has_negative_BK: Tensor | None = None  # bool
    texts_BTL: Tensor | None = None  # LaCLIP's multi-text form: T drawn texts
    short_BL: Tensor | None = None  # Long-CLIP's short branch
    tag_BG: Tensor | None = None  # int64 into the vocabulary; -1 pads
    false_tag_BG: Tensor | None = None
    box_BR4: Tensor | None = None  # float32
    phrase_BRL: Tensor | None = None
    has_region_BR: Tensor | None = None  # bool
    distill_BL: Tensor | None = None  # the text whose teacher embeddings are below
    teacher_image_BE: dict[str, Tensor] = field(default_factory=dict)
    teacher_text_BE: dict[str, Tensor] = field(default_factory=dict)
    group_B: Tensor | None = None  # int64: equal where the texts are equal
    faults: tuple[str, ...] = ()  # why samples could not be read; others stand in their place
    notes: tuple[str, ...] = ()  # what is odd about the shards that were opened for it
    seconds: float = 0.0  # that reading and decoding took

    @property
    def skipped(self) -> int:
        """How many samples could not be read and were replaced."""
        return len(self.faults)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on a device."""
        moved = {f.name: _move(getattr(self, f.name), device) for f in fields(self)}
        return replace(self, **moved)


def _move(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {name: _move(item, device) for name, item in value.items()}
    return value
