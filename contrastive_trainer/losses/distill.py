"""Distillation from stored teacher embeddings, without any N x N matrix. Shapes: see `tiles`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed
from torch.autograd.function import once_differentiable

from contrastive_trainer.losses.gather import gather, merge_log_sum_exp, rank, ranks
from contrastive_trainer.losses.log_sum_exp import log_sum_exp
from contrastive_trainer.losses.tiles import (
    TILE,
    Gradients,
    LogitTiles,
    compute_dtype,
    full_precision,
    tiles,
    view,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """A teacher's embeddings of this rank's pairs (unit rows of the teacher's width), and its logit scale."""

    image_ND: torch.Tensor
    text_ND: torch.Tensor
    scale: float


def distillation(
    image_ND: torch.Tensor,
    text_ND: torch.Tensor,
    scale: torch.Tensor | float,
    teachers: Sequence[Teacher],
    *,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return the divergence KL(teacher || student) of the batch's similarities, a mean over both directions.

    With T the softmax of a teacher's logits over a row, P the student's: 1/N sum_i sum_j T_ij (log T_ij - log
    P_ij); the same over columns; the mean of both, and of the teachers. It is 0 where the student agrees with
    every teacher.

    Source: MobileCLIP (arXiv 2311.17049), scales 100, or 70 and 60 for MobileCLIP2's (arXiv 2508.20691). Its
    code leaves out log T, which has no gradient.

    Raises:
        ValueError: there is no teacher, or one with embeddings of another number of pairs.
    """
    if not teachers:
        raise ValueError("distillation has no teacher; name at least one")
    for teacher in teachers:
        if len(teacher.image_ND) != len(image_ND) or len(teacher.text_ND) != len(text_ND):
            pairs = (len(teacher.image_ND), len(teacher.text_ND))
            raise ValueError(f"a teacher has {pairs} images and texts for {len(image_ND)} pairs; give all")
    with full_precision(image_ND.device):
        dtype = compute_dtype(image_ND, text_ND)
        image_ND, text_MD = image_ND.to(dtype), gather(text_ND.to(dtype), group)
        scale = torch.as_tensor(scale, dtype=dtype, device=image_ND.device)
        own = slice(rank(group) * len(image_ND), (rank(group) + 1) * len(image_ND))
        row_N, column_M = log_sum_exp(image_ND, text_MD, scale, (), tile)
        log_N = row_N + merge_log_sum_exp(column_M, group)[own]
        targets = tuple(_target(teacher, dtype, group, tile) for teacher in teachers)
        teacher_log_N = torch.stack([t.row_N + t.column_M[own] for t in targets]).mean(0)
        gap_N = _gap(image_ND, text_MD, scale, targets, tile)
        return (gap_N + log_N - teacher_log_N).sum() * (ranks(group) / (2 * len(text_MD)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A teacher against the texts of all ranks, with the log-sum-exps of its logits."""

    image_ND: torch.Tensor
    text_MD: torch.Tensor
    scale: float
    row_N: torch.Tensor
    column_M: torch.Tensor


@torch.no_grad()
def _target(
    teacher: Teacher, dtype: torch.dtype, group: distributed.ProcessGroup | None, tile: int
) -> _Target:
    image_ND, text_MD = teacher.image_ND.to(dtype), gather(teacher.text_ND.to(dtype), group)
    scale = torch.as_tensor(teacher.scale, dtype=dtype, device=image_ND.device)
    row_N, column_M = log_sum_exp(image_ND, text_MD, scale, (), tile)
    column_M = merge_log_sum_exp(column_M, group)
    return _Target(image_ND=image_ND, text_MD=text_MD, scale=teacher.scale, row_N=row_N, column_M=column_M)


def _gap(
    image_ND: torch.Tensor,
    text_MD: torch.Tensor,
    scale: torch.Tensor,
    targets: tuple[_Target, ...],
    tile: int,
) -> torch.Tensor:
    # torch leaves `apply` untyped.
    gap_N: torch.Tensor = _Gap.apply(image_ND, text_MD, scale, targets, tile)  # type: ignore[no-untyped-call]  # torch's
    return gap_N


class _Gap(torch.autograd.Function):
    """Row sums (N) of (T + U) (t - S), mean of teachers; T, U the softmaxes of t over rows and columns."""

    @staticmethod
    def forward(
        ctx: Any,
        image_ND: torch.Tensor,
        text_MD: torch.Tensor,
        scale: torch.Tensor,
        targets: tuple[_Target, ...],
        tile: int,
    ) -> torch.Tensor:
        gap_N = image_ND.new_zeros(len(image_ND))
        with full_precision(image_ND.device):
            weights = _Weights(targets, tile)
            for rows, columns, student_RC in LogitTiles(image_ND, text_MD, scale, (), tile):
                for teacher_RC, weight_RC in weights.at(rows, columns):
                    gap_N[rows] += teacher_RC.sub_(student_RC).mul_(weight_RC).sum(1)
        ctx.targets, ctx.tile = targets, tile
        ctx.save_for_backward(image_ND, text_MD, scale)
        return gap_N.div_(len(targets))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        image_ND, text_MD, scale = ctx.saved_tensors
        with full_precision(image_ND.device):
            gradients = Gradients(image_ND, text_MD, scale, ctx.needs_input_grad)
            weights = _Weights(ctx.targets, ctx.tile)
            total = weights.new_buffer()
            factor_N = gradient_N / -len(ctx.targets)
            for rows, columns in tiles(len(image_ND), len(text_MD), ctx.tile):
                total_RC = view(total, rows.stop - rows.start, columns.stop - columns.start).zero_()
                for _, weight_RC in weights.at(rows, columns):
                    total_RC.add_(weight_RC)
                gradients.add(rows, columns, total_RC.mul_(factor_N[rows, None]))
            return *gradients.sums(), None, None


class _Weights:
    """The teachers' softmaxes over rows plus those over columns, tile by tile."""

    def __init__(self, targets: tuple[_Target, ...], tile: int) -> None:
        self._targets = targets
        self._logits = [LogitTiles(t.image_ND, t.text_MD, t.scale, (), tile) for t in targets]
        self.new_buffer = self._logits[0].new_buffer
        self._buffers = (self.new_buffer(), self.new_buffer())

    def at(self, rows: slice, columns: slice) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield each teacher's logits and weights (R x C), in buffers that the next one overwrites."""
        for target, logits in zip(self._targets, self._logits, strict=True):
            tile_RC = logits.at(rows, columns)
            weight_RC, column_RC = (view(buffer, *tile_RC.shape) for buffer in self._buffers)
            torch.sub(tile_RC, target.row_N[rows, None], out=weight_RC).exp_()
            torch.sub(tile_RC, target.column_M[columns], out=column_RC).exp_()
            yield tile_RC, weight_RC.add_(column_RC)
