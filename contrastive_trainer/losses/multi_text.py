"""LaCLIP's multi-text loss: all texts of an image in one step. Shapes: see `tiles`."""

import torch
from torch import distributed

from contrastive_trainer.losses.contrastive import Kind, contrastive
from contrastive_trainer.losses.pairs import Pairs
from contrastive_trainer.losses.tiles import TILE


def multi_text(
    image_ND: torch.Tensor,
    text_KND: torch.Tensor,
    scale: torch.Tensor | float,
    *,
    kind: Kind = "softmax",
    bias: torch.Tensor | float = 0.0,
    valid_KN: torch.Tensor | None = None,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return the mean over k of the contrastive loss between the images and their k-th texts.

    Texts of one image never meet, so none of them is a negative of its own image.

    Source: LaCLIP-MT (arXiv 2305.20088), which the paper describes as the mean of the image-text losses over
    an image's texts; the paper's code releases only the single-text form.

    Args:
        image_ND: unit rows.
        text_KND: unit rows; K texts an image (the alt text and its rewrites).
        scale: the inverse temperature.
        kind: as in `contrastive`.
        bias: as in `contrastive`.
        valid_KN: bool; which texts there are.
        group: the ranks that share the batch.
        tile: rows and columns of a tile.

    Raises:
        ValueError: there is no text, or shapes do not belong together.
    """
    if text_KND.ndim != 3 or not len(text_KND):
        raise ValueError(f"texts are {tuple(text_KND.shape)}; give (texts an image, samples, width)")
    losses = []
    for k, text_ND in enumerate(text_KND):
        pairs = Pairs(valid_N=None if valid_KN is None else valid_KN[k])
        losses.append(
            contrastive(image_ND, text_ND, scale, kind=kind, bias=bias, pairs=pairs, group=group, tile=tile)
        )
    return torch.stack(losses).mean()
