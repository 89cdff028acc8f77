"""Ranks: what torchrun started, and what they agree on."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from schemas.errors import ConfigError, PairwrightError

Found = TypeVar("Found")

BUCKET_BYTES = 64 * 2**20
TIMEOUT = timedelta(minutes=30)
"""So long may one rank prepare (train a tokenizer, say) while the others wait."""

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
        ConfigError: a GPU is asked for and there is none, or there are more processes than GPUs.
    """
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    count, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    if on_gpu and local >= torch.cuda.device_count():
        raise ConfigError(
            f"device: process {local} of this machine has no GPU, torch sees {torch.cuda.device_count()}; "
            "start fewer, or use device: cpu"
        )
    place = torch.device("cuda", local) if on_gpu else _CPU
    if on_gpu:
        torch.cuda.set_device(place)
    if count == 1:
        yield Ranks(device=place)
        return
    dist.init_process_group(
        "nccl" if on_gpu else "gloo", timeout=TIMEOUT, device_id=place if on_gpu else None
    )
    try:
        yield Ranks(rank=dist.get_rank(), count=count, device=place)
    finally:
        dist.destroy_process_group()


def from_first(ranks: Ranks, make: Callable[[], Found]) -> Found:
    """Return on every rank what `make` returns on the first; the others wait for it.

    Raises:
        PairwrightError: on every rank, where the first one's `make` raises it.
    """
    if ranks.count == 1:
        return make()
    told: list[Any] = [None, None]
    if ranks.is_first:
        try:
            told[0] = make()
        except PairwrightError as error:
            told[1] = error
    dist.broadcast_object_list(told, src=0, device=ranks.device)
    if told[1] is not None:
        raise told[1]
    found: Found = told[0]
    return found


def sum_over(values: Sequence[float], ranks: Ranks) -> list[float]:
    """Return the sums of some numbers over all ranks."""
    if ranks.count == 1:
        return list(values)
    found = torch.tensor(values, dtype=torch.float64, device=ranks.device)
    dist.all_reduce(found)
    sums: list[float] = found.tolist()
    return sums


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
            parameter.grad = torch.zeros_like(parameter)  # another rank may have one
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
