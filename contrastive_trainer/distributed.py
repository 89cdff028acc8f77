"""Ranks: what torchrun started, and sums over them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from schemas.errors import ConfigError

BUCKET_BYTES = 64 * 2**20
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Which process this is, of how many, and where it computes."""

    rank: int = 0
    count: int = 1
    device: torch.device = _CPU

    @property
    def group(self) -> dist.ProcessGroup | None:
        """All ranks, as the losses take them; None for one alone."""
        return dist.group.WORLD if self.count > 1 else None

    @property
    def is_first(self) -> bool:
        """Whether this one writes and speaks."""
        return self.rank == 0


@contextmanager
def join(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started (none: be the only one), and leave them at the end.

    Raises:
        ConfigError: a GPU is asked for and there is none.
    """
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise ConfigError("device: cuda is asked for, but torch sees no GPU; use cpu or auto")
    on_gpu = cuda and device != "cpu"
    count, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(place)
    if count == 1:
        yield Ranks(device=place)
        return
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Ranks(rank=dist.get_rank(), count=count, device=place)
    finally:
        dist.destroy_process_group()


def average_gradients(parameters: Iterable[torch.nn.Parameter], ranks: Ranks) -> None:
    """Average the gradients over all ranks in place, in buckets: see `contrastive_trainer.losses.gather`.

    DistributedDataParallel is not used: its hooks average at every backward pass, and a step with GradCache
    makes many.
    """
    if ranks.count == 1:
        return
    bucket: list[Tensor] = []
    size = 0
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)  # a rank without a region still takes part
        bucket.append(parameter.grad)
        size += parameter.grad.nbytes
        if size >= BUCKET_BYTES:
            _average(bucket)
            bucket, size = [], 0
    if bucket:
        _average(bucket)


def _average(bucket: list[Tensor]) -> None:
    flat = torch.cat([gradient.flatten().float() for gradient in bucket])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for gradient in bucket:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def any_rank(flag: bool, ranks: Ranks) -> bool:
    """Return whether the flag is set on any rank: all of them stop together."""
    if ranks.count == 1:
        return flag
    found = torch.tensor(int(flag), device=ranks.device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return bool(found.item())


def sum_over(value: float, ranks: Ranks) -> float:
    """Return the sum of a number over all ranks."""
    if ranks.count == 1:
        return value
    found = torch.tensor(value, dtype=torch.float64, device=ranks.device)
    dist.all_reduce(found)
    return float(found.item())


def wait_for_all(ranks: Ranks) -> None:
    """Return when every rank is here."""
    if ranks.count > 1:
        dist.barrier()
