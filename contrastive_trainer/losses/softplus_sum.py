"""Row sums of softplus over a matrix of logits that is never held. Shapes: see `tiles`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from contrastive_trainer.losses.tiles import TILE, Gradients, LogitTiles, TileMask, full_precision

LINEAR_FROM = 40.0
"""Above it softplus(z) is z to the last bit of float64."""


def softplus_sum(
    row_ND: torch.Tensor,
    column_MD: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    masks: tuple[TileMask, ...] = (),
    tile: int = TILE,
) -> torch.Tensor:
    """Return the sums over columns (N) of softplus(scale * row @ column.T + bias).

    As -log sigmoid(y z) = softplus(z) - z for y = 1, and softplus(z) for y = -1, all of a sigmoid loss but
    its positives is this sum. What a mask leaves out adds nothing. Backward recomputes the tiles.
    """
    inputs = (row_ND, column_MD, scale, bias)
    # torch leaves `apply` untyped.
    total_N: torch.Tensor = _SoftplusSum.apply(*inputs, masks, tile)  # type: ignore[no-untyped-call]  # torch's
    return total_N


class _SoftplusSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        row_ND: torch.Tensor,
        column_MD: torch.Tensor,
        scale: torch.Tensor,
        bias: torch.Tensor,
        masks: tuple[TileMask, ...],
        tile: int,
    ) -> torch.Tensor:
        total_N = row_ND.new_zeros(len(row_ND))
        with full_precision(row_ND.device):
            for rows, _, tile_RC in LogitTiles(row_ND, column_MD, scale, masks, tile):
                total_N[rows] += functional.softplus(tile_RC.add_(bias), threshold=LINEAR_FROM).sum(1)
        ctx.masks, ctx.tile = masks, tile
        ctx.save_for_backward(row_ND, column_MD, scale, bias)
        return total_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        row_ND, column_MD, scale, bias = ctx.saved_tensors
        bias_N = torch.zeros_like(gradient_N)
        with full_precision(row_ND.device):
            gradients = Gradients(row_ND, column_MD, scale, ctx.needs_input_grad)
            for rows, columns, tile_RC in LogitTiles(row_ND, column_MD, scale, ctx.masks, ctx.tile):
                tile_RC.add_(bias).sigmoid_().mul_(gradient_N[rows, None])
                bias_N[rows] += tile_RC.sum(1)
                gradients.add(rows, columns, tile_RC)
            return *gradients.sums(), bias_N.sum(), None, None
