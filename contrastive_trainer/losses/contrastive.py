"""The contrastive loss of images and texts, of three kinds, without the N x N logits. Shapes: see `tiles`.

With S_ij = scale * image_i . text_j, P(i) the positives of i (i itself, or all of its id), and the mean taken
over both directions (rows i and columns):

    softmax        mean of log sum_j e^S_ij - mean_{p in P(i)} S_ip
    leave_one_out  the same, with j not in P(i)
    sigmoid        1/N sum_ij -log sigmoid(y_ij (S_ij + bias)), y = 1 on P(i), else -1

They are InfoNCE (CLIP, arXiv 2103.00020; with several positives the outer sum of SupCon, arXiv 2004.11362),
InfoLOOB (CLOOB, arXiv 2110.11316, without its factor 1 / scale) and SigLIP's loss (arXiv 2303.15343). In
`leave_one_out` a row or column with an empty denominator adds nothing.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import distributed

from contrastive_trainer.losses.gather import gather, merge_log_sum_exp, ranks
from contrastive_trainer.losses.log_sum_exp import log_sum_exp
from contrastive_trainer.losses.pairs import Batch, Pairs, make_batch
from contrastive_trainer.losses.softplus_sum import softplus_sum
from contrastive_trainer.losses.tiles import TILE, TileMask, full_precision

Kind = Literal["softmax", "sigmoid", "leave_one_out"]
ALL_PAIRED = Pairs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Negatives:
    """More texts that the images, and only they, must be told apart from: up to K of each image.

    They are columns of the rows' denominators (terms of y = -1 in `sigmoid`) and have no column of their own.

    Args:
        text_NKD: unit rows, of this rank's images.
        valid_NK: bool; which of them there are.
        shared: whether an image meets those of all images of all ranks, as in NegCLIP (arXiv 2210.01936), or
            its own alone.
    """

    text_NKD: torch.Tensor
    valid_NK: torch.Tensor
    shared: bool


def contrastive(
    image_ND: torch.Tensor,
    text_ND: torch.Tensor,
    scale: torch.Tensor | float,
    *,
    kind: Kind = "softmax",
    bias: torch.Tensor | float = 0.0,
    pairs: Pairs = ALL_PAIRED,
    negatives: Negatives | None = None,
    smoothing: float = 0.0,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return the loss of this rank's pairs against the texts and images of all ranks, a scalar.

    Logits are computed and summed in float32 (float64 where an input is), whatever autocast says. Memory is
    linear in N. Gradients flow to both sides, the negatives, scale and bias; under ranks see `gather`.

    Args:
        image_ND: unit rows, this rank's.
        text_ND: unit rows, this rank's; text i belongs to image i.
        scale: the inverse temperature itself, not its logarithm.
        kind: which loss, see above.
        bias: added to the logits; sigmoid only.
        pairs: equal, invalid and alike pairs.
        negatives: more texts for the images' denominators.
        smoothing: share of the target spread evenly over the batch's texts (label smoothing); softmax only.
        group: the ranks that share the batch, all with equal N.
        tile: rows and columns of a tile.

    Raises:
        ValueError: shapes do not belong together, an option does not belong to the kind, or leave_one_out has
            fewer than two pairs.
    """
    _check_options(kind, bias, smoothing)
    _check_negatives(len(image_ND), negatives)
    with full_precision(image_ND.device):
        batch = make_batch(image_ND, text_ND, pairs, group)
        scale = torch.as_tensor(scale, dtype=batch.image_ND.dtype, device=batch.image_ND.device)
        if kind == "sigmoid":
            return _sigmoid(batch, scale, torch.as_tensor(bias).to(scale), negatives, group, tile)
        if kind == "leave_one_out" and len(image_ND) * ranks(group) < 2:
            raise ValueError("leave_one_out has 1 pair and so no negative; give a batch of at least 2")
        return _softmax(batch, scale, kind, negatives, smoothing, group, tile)


def _softmax(
    batch: Batch,
    scale: torch.Tensor,
    kind: Kind,
    negatives: Negatives | None,
    smoothing: float,
    group: distributed.ProcessGroup | None,
    tile: int,
) -> torch.Tensor:
    masks: tuple[TileMask, ...] = () if batch.alike is None else (batch.alike,)
    if kind == "leave_one_out":
        masks = (*masks, batch.positives())
    row_N, column_M = log_sum_exp(batch.image_ND, batch.text_MD, scale, masks, tile)
    column_M = merge_log_sum_exp(column_M, group)
    counted_M = column_M != -torch.inf  # what is left out is symmetric: then so is the row
    both_N = _add_negatives(batch, scale, row_N, negatives, group, tile) + column_M[batch.own_N]
    target_ND = batch.positive_mean()
    if smoothing:
        target_ND = torch.lerp(target_ND, batch.text_MD.mean(0, keepdim=True), smoothing)
    row_positive_N = column_positive_N = scale * torch.linalg.vecdot(batch.image_ND, target_ND)
    # A pair (i, p) of row i is one of column p as well. Over all ranks the rows thus add up to the columns.
    if kind == "leave_one_out":
        counted_ND = batch.positive_mean(counted_M)
        column_positive_N = scale * torch.linalg.vecdot(batch.image_ND, counted_ND)
    loss_N: torch.Tensor = torch.where(counted_M[batch.own_N], both_N - row_positive_N, 0)
    loss_N = loss_N - column_positive_N
    return loss_N.sum() / (2 * batch.share)


def _add_negatives(
    batch: Batch,
    scale: torch.Tensor,
    row_N: torch.Tensor,
    negatives: Negatives | None,
    group: distributed.ProcessGroup | None,
    tile: int,
) -> torch.Tensor:
    """Return the rows' log-sum-exp with the negatives added."""
    if negatives is None:
        return row_N
    if not negatives.shared:
        own_NK = _own_logits(batch, scale, negatives)
        return torch.cat([row_N[:, None], own_NK], dim=1).logsumexp(1)
    extra_ED = _of_all(negatives, batch.image_ND.dtype, group)
    if not len(extra_ED):
        return row_N
    return torch.logaddexp(row_N, log_sum_exp(batch.image_ND, extra_ED, scale, (), tile)[0])


def _own_logits(batch: Batch, scale: torch.Tensor, negatives: Negatives) -> torch.Tensor:
    """Return each image's logits with its own negatives (N, K), minus infinity where there is none."""
    own_NKD = negatives.text_NKD[batch.kept_N].to(batch.image_ND.dtype)
    logits_NK = scale * torch.einsum("nd,nkd->nk", batch.image_ND, own_NKD)
    return logits_NK.masked_fill(~negatives.valid_NK[batch.kept_N], -torch.inf)


def _of_all(negatives: Negatives, dtype: torch.dtype, group: distributed.ProcessGroup | None) -> torch.Tensor:
    """Return the negatives that there are, of all images of all ranks (E, D)."""
    text_ED = gather(negatives.text_NKD.flatten(0, 1).to(dtype), group)
    valid_E = gather(negatives.valid_NK.flatten().to(torch.uint8), group).bool()
    return text_ED[valid_E]


def _sigmoid(
    batch: Batch,
    scale: torch.Tensor,
    bias: torch.Tensor,
    negatives: Negatives | None,
    group: distributed.ProcessGroup | None,
    tile: int,
) -> torch.Tensor:
    masks: tuple[TileMask, ...] = () if batch.alike is None else (batch.alike,)
    image_ND = batch.image_ND
    total_N = softplus_sum(image_ND, batch.text_MD, scale, bias, masks, tile)
    if negatives is not None and negatives.shared:
        extra_ED = _of_all(negatives, image_ND.dtype, group)
        total_N = total_N + softplus_sum(image_ND, extra_ED, scale, bias, (), tile)
    elif negatives is not None:
        own_NK = _own_logits(batch, scale, negatives) + bias
        total_N = total_N + torch.nn.functional.softplus(own_NK).sum(1)
    positive_N = scale * torch.linalg.vecdot(image_ND, batch.positive_mean()) + bias
    loss_N: torch.Tensor = total_N - batch.positive_count() * positive_N
    return loss_N.sum() / batch.share


def _check_options(kind: Kind, bias: torch.Tensor | float, smoothing: float) -> None:
    if kind not in ("softmax", "sigmoid", "leave_one_out"):
        raise ValueError(f"kind is {kind!r}; give softmax, sigmoid or leave_one_out")
    if kind != "sigmoid" and (isinstance(bias, torch.Tensor) or bias != 0):
        raise ValueError(f"kind {kind} has no bias; leave it out")
    if smoothing and kind != "softmax":
        raise ValueError(f"smoothing is {smoothing} but kind {kind} has none; leave it at 0")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}; give a share in 0..1")


def _check_negatives(count: int, negatives: Negatives | None) -> None:
    if negatives is None:
        return
    shapes = tuple(negatives.text_NKD.shape), tuple(negatives.valid_NK.shape)
    if len(shapes[0]) != 3 or shapes[0][0] != count or shapes[1] != shapes[0][:2]:
        raise ValueError(f"negatives of {count} images are {shapes[0]}, {shapes[1]}; give (N, K, D), (N, K)")
