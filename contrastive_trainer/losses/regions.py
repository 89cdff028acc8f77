"""CLOC's region losses: boxes told apart by their phrases, and found from them. Shapes: see `tiles`."""

import torch
from torch import distributed

from contrastive_trainer.losses.contrastive import contrastive
from contrastive_trainer.losses.gather import mean_share
from contrastive_trainer.losses.pairs import Pairs
from contrastive_trainer.losses.tiles import TILE


def region_text(
    region_NKD: torch.Tensor,
    phrase_NKD: torch.Tensor,
    scale: torch.Tensor | float,
    valid_NK: torch.Tensor,
    *,
    alike_above: float,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return the symmetric InfoNCE of all regions of the batch and their phrases.

    Pairs of regions whose phrases' embeddings have a cosine above `alike_above` are no negatives of each
    other: phrases are short and repeat. No gradient flows through that test.

    Source: L_CLOC of CLOC (arXiv 2410.02746), with up to 4 boxes an image.

    Args:
        region_NKD: unit rows, from `Prompter.regions`; K regions an image, the same on all ranks.
        phrase_NKD: unit rows, from the text tower.
        scale: the inverse temperature.
        valid_NK: bool; which regions there are.
        alike_above: the cosine; 0.9 in CLOC.
        group: the ranks that share the batch.
        tile: rows and columns of a tile.
    """
    region_ND, phrase_ND = region_NKD.flatten(0, 1), phrase_NKD.flatten(0, 1)
    pairs = Pairs(valid_N=valid_NK.flatten(), keys_NK=phrase_ND, alike_above=alike_above)
    return contrastive(region_ND, phrase_ND, scale, pairs=pairs, group=group, tile=tile)


def grounding(
    found_NK4: torch.Tensor,
    box_NK4: torch.Tensor,
    valid_NK: torch.Tensor,
    *,
    group: distributed.ProcessGroup | None = None,
) -> torch.Tensor:
    """Return the mean squared error of the boxes found from phrases, over valid regions and four coordinates.

    Source: L_ground of CLOC (arXiv 2410.02746): 1 / (4 M N) sum |box - found|^2.

    Args:
        found_NK4: from `Prompter.boxes`.
        box_NK4: x0, y0, x1, y1 in 0..1.
        valid_NK: bool; which regions there are.
        group: the ranks over which the mean is taken.
    """
    error_NK = (found_NK4.float() - box_NK4.float()).square().mean(2)
    return torch.where(valid_NK, error_NK, 0).sum() / mean_share(valid_NK, group)


def region_weight(valid_NK: torch.Tensor, group: distributed.ProcessGroup | None = None) -> torch.Tensor:
    """Return images with regions / regions in the batch: CLOC's weight of both losses."""
    return mean_share(valid_NK.any(1), group) / mean_share(valid_NK, group)
