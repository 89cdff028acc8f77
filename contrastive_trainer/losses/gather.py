"""Collectives with gradients: every rank sees the texts of all. Shapes: see `tiles`; G is how many ranks.

Each rank's loss is a mean over its own part; the mean of the ranks' losses is that of the whole batch. The
backward of each collective gives the gradient of the ranks' sum, so that parameters' gradients averaged over
ranks, as DistributedDataParallel does, are those of the whole batch on one rank; who sums them divides the
loss by G first. All ranks must bring the same number of rows.
"""

from typing import Any

import torch
from torch import distributed
from torch.autograd.function import once_differentiable


def ranks(group: distributed.ProcessGroup | None) -> int:
    """Return how many ranks share the batch; without a group, one."""
    return 1 if group is None else distributed.get_world_size(group)


def rank(group: distributed.ProcessGroup | None) -> int:
    """Return this rank's place among them."""
    return 0 if group is None else distributed.get_rank(group)


def gather(local: torch.Tensor, group: distributed.ProcessGroup | None) -> torch.Tensor:
    """Return the rows of all ranks in the ranks' order; gradients flow back to the rank that owns a row."""
    if group is None:
        return local
    everywhere: torch.Tensor = _Gather.apply(local, group)  # type: ignore[no-untyped-call]  # torch: untyped
    return everywhere


def merge_log_sum_exp(partial_M: torch.Tensor, group: distributed.ProcessGroup | None) -> torch.Tensor:
    """Return the log-sum-exp over all ranks' rows, of log-sum-exps over each rank's own."""
    if group is None:
        return partial_M
    # torch leaves `apply` untyped.
    total_M: torch.Tensor = _MergeLogSumExp.apply(partial_M, group)  # type: ignore[no-untyped-call]  # torch's
    return total_M


def mean_share(mask: torch.Tensor, group: distributed.ProcessGroup | None) -> torch.Tensor:
    """Return how many entries of a mask are true, as a mean over ranks, but no less than one over all.

    A rank's sum divided by it, averaged over ranks, is the mean over all that is true on any.
    """
    count = mask.sum().to(torch.float32)
    if group is not None:
        distributed.all_reduce(count, group=group)
    return count.clamp_min(1) / ranks(group)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, local: torch.Tensor, group: distributed.ProcessGroup) -> torch.Tensor:
        ctx.group = group
        everywhere = local.new_empty((ranks(group) * len(local), *local.shape[1:]))
        distributed.all_gather_into_tensor(everywhere, local.contiguous(), group=group)
        return everywhere

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        local = gradient.new_empty((len(gradient) // ranks(ctx.group), *gradient.shape[1:]))
        distributed.reduce_scatter_tensor(local, gradient.contiguous(), group=ctx.group)
        return local, None


class _MergeLogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, partial_M: torch.Tensor, group: distributed.ProcessGroup) -> torch.Tensor:
        shift_M = partial_M.clone()
        distributed.all_reduce(shift_M, op=distributed.ReduceOp.MAX, group=group)
        shift_M.clamp_min_(torch.finfo(shift_M.dtype).min)
        total_M = torch.exp(partial_M - shift_M)
        distributed.all_reduce(total_M, group=group)
        total_M = total_M.log_().add_(shift_M)
        ctx.group = group
        ctx.save_for_backward(partial_M, total_M)
        return total_M

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_M: torch.Tensor) -> tuple[torch.Tensor, None]:
        partial_M, total_M = ctx.saved_tensors
        gradient_M = gradient_M.contiguous().clone()
        distributed.all_reduce(gradient_M, group=ctx.group)
        # Where no rank has anything to sum nothing flows back.
        share_M = torch.exp(partial_M - total_M.masked_fill(total_M == -torch.inf, torch.inf))
        return gradient_M * share_M, None
