"""CLOOB: leave-one-out InfoNCE on embeddings retrieved from the batch. Shapes: see `tiles`."""

import torch
from torch import distributed
from torch.nn import functional

from contrastive_trainer.losses.gather import gather, rank, ranks
from contrastive_trainer.losses.log_sum_exp import log_sum_exp
from contrastive_trainer.losses.masks import OneColumn
from contrastive_trainer.losses.tiles import TILE, compute_dtype, full_precision


def cloob(
    image_ND: torch.Tensor,
    text_ND: torch.Tensor,
    scale: torch.Tensor | float,
    *,
    beta: float,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return CLOOB's loss L(U_x, U_y) + L(V_y, V_x).

    L(a, b) = 1/(N s) sum_i (log sum_{j != i} e^(s a_i.b_j) - s a_i.b_i), with the scale s. U are images and
    texts retrieved from the batch's images, V from its texts: `retrieve` with state x or y. Each L runs in
    one direction only.

    Source: CLOOB (arXiv 2110.11316; ml-jku/cloob, methods.py): a fixed scale of 30; beta 8 on CC3M, 14.3 by
        default.

    Raises:
        ValueError: there are fewer than two pairs: nothing would be left in the denominator.
    """
    if len(image_ND) * ranks(group) < 2:
        raise ValueError("cloob has 1 pair and so no negative; give a batch of at least 2")
    with full_precision(image_ND.device):
        dtype = compute_dtype(image_ND, text_ND)
        image_ND, text_ND = image_ND.to(dtype), text_ND.to(dtype)
        scale = torch.as_tensor(scale, dtype=dtype, device=image_ND.device)
        image_MD, text_MD = gather(image_ND, group), gather(text_ND, group)
        losses = []
        for anchor_ND, other_ND, memory_MD in ((image_ND, text_ND, image_MD), (text_ND, image_ND, text_MD)):
            anchor_ND, other_ND = (retrieve(state, memory_MD, beta) for state in (anchor_ND, other_ND))
            losses.append(_leave_one_out(anchor_ND, other_ND, scale, group, tile))
        return (losses[0] + losses[1]) / scale


def retrieve(state_ND: torch.Tensor, stored_MD: torch.Tensor, beta: float) -> torch.Tensor:
    """Return the unit rows of softmax(beta state stored^T) stored: one step of a modern Hopfield network.

    It is attention of one head, so that the fused kernels hold no N x M matrix where they take the width.
    """
    stored = stored_MD[None, None]
    found = functional.scaled_dot_product_attention(state_ND[None, None], stored, stored, scale=beta)
    unit_ND: torch.Tensor = functional.normalize(found[0, 0], dim=1)
    return unit_ND


def _leave_one_out(
    anchor_ND: torch.Tensor,
    other_ND: torch.Tensor,
    scale: torch.Tensor,
    group: distributed.ProcessGroup | None,
    tile: int,
) -> torch.Tensor:
    start = rank(group) * len(anchor_ND)
    own = torch.arange(start, start + len(anchor_ND), device=anchor_ND.device)
    masks = (OneColumn(own, own.tolist()),)
    denominator_N = log_sum_exp(anchor_ND, gather(other_ND, group), scale, masks, tile)[0]
    loss_N: torch.Tensor = denominator_N - scale * torch.linalg.vecdot(anchor_ND, other_ND)
    return loss_N.mean()
