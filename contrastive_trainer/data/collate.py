"""Many assembled samples as the tensors of a batch. Shape letters: as in `contrastive_trainer.data.batch`."""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from contrastive_trainer.data.assemble import Assembled
from contrastive_trainer.data.batch import Batch
from schemas.train import LossesConfig

Encode = Callable[[Sequence[str]], Tensor]
"""Texts to tokens (N, L): int64, padded."""


def collate(step: int, rows: Sequence[Assembled], losses: LossesConfig, encode: Encode) -> Batch:
    """Return the batch of some samples, without the teachers' embeddings."""
    texts = [row.drawn.text for row in rows]
    text_BL = encode(texts)
    negative_BKL = has_negative_BK = box_BR4 = phrase_BRL = has_region_BR = None
    if losses.drawn_negatives:
        negatives = [row.drawn.negatives for row in rows]
        negative_BKL, has_negative_BK = _padded(negatives, losses.drawn_negatives, encode)
        has_negative_BK &= (negative_BKL != text_BL[:, None]).any(2)  # else cut off before it contradicts
    if losses.regions:
        count = losses.regions.per_image
        phrases = [[phrase for _, phrase in row.regions] for row in rows]
        phrase_BRL, has_region_BR = _padded(phrases, count, encode)
        box_BR4 = torch.zeros(len(rows), count, 4)
        box_BR4[has_region_BR] = torch.tensor([box for row in rows for box, _ in row.regions]).view(-1, 4)
    return Batch(
        step=step,
        samples=tuple(row.uid for row in rows),
        image_BCHW=torch.stack([row.image_CHW for row in rows]),
        text_BL=text_BL,
        negative_BKL=negative_BKL,
        has_negative_BK=has_negative_BK,
        texts_BTL=_grid([row.texts for row in rows], encode) if losses.multi_text else None,
        short_BL=encode([row.short for row in rows]) if losses.long_clip else None,
        tag_BG=_tags([row.tags for row in rows]) if losses.stc else None,
        false_tag_BG=_tags([row.false_tags for row in rows]) if losses.stc else None,
        box_BR4=box_BR4,
        phrase_BRL=phrase_BRL,
        has_region_BR=has_region_BR,
        distill_BL=encode([row.distilled for row in rows]) if losses.distill else None,
        group_B=_groups(texts) if losses.contrastive.same_text else None,
    )


def _grid(texts: Sequence[Sequence[str]], encode: Encode) -> Tensor:
    tokens = encode([text for row in texts for text in row])
    return tokens.view(len(texts), -1, tokens.shape[-1])


def _padded(texts: Sequence[Sequence[str]], count: int, encode: Encode) -> tuple[Tensor, Tensor]:
    """Return the tokens of `count` texts a row, cut or padded with empty ones, and which are no padding."""
    rows = [[*row[:count], *[""] * (count - len(row))] for row in texts]
    has_BK = torch.tensor([[k < len(row) for k in range(count)] for row in texts])
    return _grid(rows, encode), has_BK


def _tags(rows: Sequence[tuple[int, ...]]) -> Tensor:
    width = max(1, *map(len, rows))
    return torch.tensor([[*row, *[-1] * (width - len(row))] for row in rows], dtype=torch.int64)


def _groups(texts: Sequence[str]) -> Tensor:
    """Return a number for each text, equal for equal ones on every rank: 63 bits of its hash."""
    marks = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in texts)
    return torch.tensor([int.from_bytes(mark, "big") >> 1 for mark in marks], dtype=torch.int64)
