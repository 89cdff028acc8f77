"""Log-sum-exp of all rows and columns of a matrix of logits that is never held. Shapes: see `tiles`."""

import math
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from contrastive_trainer.losses.tiles import TILE, Gradients, LogitTiles, TileMask, full_precision, view


def log_sum_exp(
    row_ND: torch.Tensor,
    column_MD: torch.Tensor,
    scale: torch.Tensor,
    masks: tuple[TileMask, ...] = (),
    tile: int = TILE,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log-sum-exp of scale * row @ column.T over each row (N) and over each column (M).

    Both come from one product a tile; backward recomputes the tiles. Kept for it: the inputs and the two
    results. A row or column whose every entry is left out gives minus infinity and no gradient.

    Source: streaming log-sum-exp and recomputed tiles as in Inf-CL (arXiv 2410.17243).

    Args:
        row_ND: float32 or float64.
        column_MD: the same type.
        scale: a scalar of that type.
        masks: what is left out of the sums.
        tile: rows and columns of a tile.
    """
    inputs = (row_ND, column_MD, scale)
    # torch leaves `apply` untyped.
    row_N, column_M = _LogSumExp.apply(*inputs, masks, tile)  # type: ignore[no-untyped-call]  # torch's
    return row_N, column_M


def _is_small(row_ND: torch.Tensor, column_MD: torch.Tensor, scale: torch.Tensor) -> bool:
    """Return whether no exponential of a logit, nor a sum of them, can leave the type's range.

    Then one exponential without a shift serves both directions. The bound is the product of the largest
    norms; two thirds of the range leave room for sums of 1e10 terms.
    """
    if not len(row_ND) or not len(column_MD):
        return True
    norms = torch.linalg.vector_norm(row_ND, dim=1).amax() * torch.linalg.vector_norm(column_MD, dim=1).amax()
    return float(norms * scale.abs()) < math.log(torch.finfo(row_ND.dtype).max) * 2 / 3


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        row_ND: torch.Tensor,
        column_MD: torch.Tensor,
        scale: torch.Tensor,
        masks: tuple[TileMask, ...],
        tile: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with full_precision(row_ND.device):
            ctx.is_small = _is_small(row_ND, column_MD, scale)
            logits = LogitTiles(row_ND, column_MD, scale, masks, tile)
            sums = _plain_sums if ctx.is_small else _shifted_sums
            row_N, column_M = sums(logits, row_ND.new_zeros(len(row_ND)), row_ND.new_zeros(len(column_MD)))
        ctx.masks, ctx.tile = masks, tile
        ctx.save_for_backward(row_ND, column_MD, scale, row_N, column_M)
        return row_N, column_M

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, row_gradient_N: torch.Tensor, column_gradient_M: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        row_ND, column_MD, scale, row_N, column_M = ctx.saved_tensors
        with full_precision(row_ND.device):
            logits = LogitTiles(row_ND, column_MD, scale, ctx.masks, ctx.tile)
            gradients = Gradients(row_ND, column_MD, scale, ctx.needs_input_grad)
            # Where nothing was summed nothing flows back: exp(x - inf) is 0.
            row_N, column_M = (lse.masked_fill(lse == -torch.inf, torch.inf) for lse in (row_N, column_M))
            weigh = _plain_gradient if ctx.is_small else _shifted_gradient
            weigh(logits, gradients, (row_N, row_gradient_N), (column_M, column_gradient_M))
            return *gradients.sums(), None, None


def _plain_sums(
    logits: LogitTiles, row_N: torch.Tensor, column_M: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    for rows, columns, tile_RC in logits:
        tile_RC.exp_()
        row_N[rows] += tile_RC.sum(1)
        column_M[columns] += tile_RC.sum(0)
    return row_N.log_(), column_M.log_()


def _shifted_sums(
    logits: LogitTiles, row_N: torch.Tensor, column_M: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    row_N.fill_(-torch.inf)
    column_M.fill_(-torch.inf)
    spare = logits.new_buffer()
    lowest = torch.finfo(row_N.dtype).min  # where all is left out, -inf - lowest stays -inf
    for rows, columns, tile_RC in logits:
        shift_R1 = tile_RC.amax(1, keepdim=True).clamp_min_(lowest)
        shifted_RC = torch.sub(tile_RC, shift_R1, out=view(spare, *tile_RC.shape)).exp_()
        row_N[rows] = torch.logaddexp(row_N[rows], shifted_RC.sum(1).log_().add_(shift_R1[:, 0]))
        shift_C = tile_RC.amax(0).clamp_min_(lowest)
        total_C = tile_RC.sub_(shift_C).exp_().sum(0).log_().add_(shift_C)
        column_M[columns] = torch.logaddexp(column_M[columns], total_C)
    return row_N, column_M


Direction = tuple[torch.Tensor, torch.Tensor]
"""Log-sum-exps and the gradients of the loss with respect to them."""


def _plain_gradient(logits: LogitTiles, gradients: Gradients, row: Direction, column: Direction) -> None:
    row_N, column_M = (gradient * torch.exp(-lse) for lse, gradient in (row, column))
    spare = logits.new_buffer()
    for rows, columns, tile_RC in logits:
        weight_RC = torch.add(row_N[rows, None], column_M[columns], out=view(spare, *tile_RC.shape))
        gradients.add(rows, columns, tile_RC.exp_().mul_(weight_RC))


def _shifted_gradient(logits: LogitTiles, gradients: Gradients, row: Direction, column: Direction) -> None:
    (row_N, row_gradient_N), (column_M, column_gradient_M) = row, column
    spare = logits.new_buffer()
    for rows, columns, tile_RC in logits:
        share_RC = torch.sub(tile_RC, row_N[rows, None], out=view(spare, *tile_RC.shape)).exp_()
        share_RC.mul_(row_gradient_N[rows, None])
        tile_RC.sub_(column_M[columns]).exp_().mul_(column_gradient_M[columns])
        gradients.add(rows, columns, tile_RC.add_(share_RC))
