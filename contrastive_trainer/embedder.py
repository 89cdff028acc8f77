"""From a batch to the embeddings that the configured losses compare.

Shape letters as in `contrastive_trainer.data.batch`; D embedding, P image tokens, F tower width.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.losses.prompter import Prompter
from contrastive_trainer.losses.stc import TagHead
from contrastive_trainer.model import Clip
from schemas.train import LossesConfig


class Embedder(nn.Module):
    """The two towers and the heads of the losses that have one."""

    def __init__(self, clip: Clip, losses: LossesConfig, tags: Sequence[str]) -> None:
        super().__init__()
        self.clip = clip
        self.prompter = Prompter(clip.vision_width, clip.embedding) if losses.regions else None
        self.tag_head = TagHead(len(tags), clip.embedding) if losses.stc else None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the embeddings of a batch by name, a row a sample.

        Always `image` and `text`, each (B, D); for what the batch holds also `negative` (B, K, D), `more`
        (B, T - 1, D; the first of the T texts is `text`), `short` and `distill` (B, D), `phrase` and `region`
        (B, R, D) and `found` (B, R, 4), the boxes found from the phrases.
        """
        image_BD, token_BPF = self.clip.encode_image(batch.image_BCHW)
        embedded = {"image": image_BD} | self._texts(batch)
        if self.prompter is not None and batch.box_BR4 is not None:
            embedded["region"] = self.prompter.regions(token_BPF, batch.box_BR4)
            embedded["found"] = self.prompter.boxes(token_BPF, embedded["phrase"])
        return embedded

    def _texts(self, batch: Batch) -> dict[str, Tensor]:
        """Return the embeddings of all texts of a batch, encoded in one pass."""
        tokens = {
            "text": batch.text_BL,
            "short": batch.short_BL,
            "distill": batch.distill_BL,
            "negative": batch.negative_BKL,
            "more": None if batch.texts_BTL is None else batch.texts_BTL[:, 1:],
            "phrase": batch.phrase_BRL,
        }
        given = {name: rows for name, rows in tokens.items() if rows is not None}
        text_ND = self.clip.encode_text(torch.cat([rows.flatten(0, -2) for rows in given.values()]))
        parts = torch.split(text_ND, [rows.shape[:-1].numel() for rows in given.values()])
        return {
            name: part.view(*rows.shape[:-1], -1)
            for (name, rows), part in zip(given.items(), parts, strict=True)
        }


def split(batch: Batch, size: int) -> list[Batch]:
    """Return a batch in parts of `size` samples; the teachers' embeddings stay with the whole."""
    parts = []
    for start in range(0, len(batch.samples), size):
        cut = slice(start, start + size)
        values = {f.name: getattr(batch, f.name) for f in fields(batch)}
        rows: dict[str, Any] = {
            name: value[cut] for name, value in values.items() if isinstance(value, Tensor)
        }
        parts.append(replace(batch, **rows, samples=batch.samples[cut]))
    return parts
