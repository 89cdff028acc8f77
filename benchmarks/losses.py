"""Time and memory of the contrastive loss, forward and backward, tiled and dense, against the batch.

    python -m benchmarks.losses [--sizes 1024 4096 16384] [--tiled-sizes 32768] [--threads 1] [--kind softmax]

Each measurement runs in a process of its own, whose peak of resident memory is reported, torch and inputs
included; times, of the clock and of the CPU (read the latter where others share the machine), are the best of
`--rounds` after one to warm up (from `--once-from` on, the only one).
Contenders: `tiled` is ours; `dense` holds the logits and takes the cross-entropy of them and of their
transpose; `dense, two products` computes the transpose's logits anew, as is common in trainers. The last two
know softmax alone.
"""

import argparse
import math
import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.clock import best_of
from contrastive_trainer.losses.contrastive import Kind, contrastive

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def dense(image_ND: Tensor, text_ND: Tensor, scale: Tensor) -> Tensor:
    """Return InfoNCE over logits that are held."""
    logits_NN = scale * image_ND @ text_ND.T
    own = torch.arange(len(image_ND))
    return (functional.cross_entropy(logits_NN, own) + functional.cross_entropy(logits_NN.T, own)) / 2


def dense_two_products(image_ND: Tensor, text_ND: Tensor, scale: Tensor) -> Tensor:
    """Return the same with a product for each direction."""
    own = torch.arange(len(image_ND))
    rows = functional.cross_entropy(scale * image_ND @ text_ND.T, own)
    return (rows + functional.cross_entropy(scale * text_ND @ image_ND.T, own)) / 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One measurement."""

    name: str
    count: int
    width: int
    scale: float
    kind: Kind
    threads: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one contender needed, and the loss it found."""

    seconds: float
    cpu_s: float
    peak_mib: float
    value: float


def loss_of(task: Task) -> Loss:
    """Return the contender's loss."""
    if task.name == "tiled":
        return lambda image, text, scale: contrastive(image, text, scale, kind=task.kind)
    return dense if task.name == "dense" else dense_two_products


def measure(task: Task) -> Figures:
    """Run one contender in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(task, there))
    process.start()
    there.close()
    try:
        found: Figures = here.recv()
    except EOFError:  # killed, usually for want of memory
        found = Figures(seconds=math.nan, cpu_s=math.nan, peak_mib=math.nan, value=math.nan)
    process.join()
    return found


def _work(task: Task, there: Connection) -> None:
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    sides = [functional.normalize(torch.randn(task.count, task.width), dim=1) for _ in range(2)]
    image, text = (side.requires_grad_() for side in sides)
    scale = torch.tensor(task.scale, requires_grad=True)
    loss, values = loss_of(task), list[float]()

    def work() -> None:
        image.grad = text.grad = scale.grad = None
        result = loss(image, text, scale)
        result.backward()  # type: ignore[no-untyped-call]  # torch's backward is untyped
        values.append(result.item())

    seconds, cpu_s = best_of(task.rounds + 1 if task.rounds > 1 else 1, work)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    there.send(Figures(seconds=seconds, cpu_s=cpu_s, peak_mib=peak_mib, value=values[-1]))


def main() -> None:
    """Measure, and print a table with ratios to `tiled`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[1024, 2048, 4096, 8192, 16384])
    parser.add_argument("--tiled-sizes", type=int, nargs="*", default=[32768])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--scale", type=float, default=14.3)
    parser.add_argument("--kind", choices=["softmax", "sigmoid", "leave_one_out"], default="softmax")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once-from", type=int, default=8192)
    options = parser.parse_args()
    others = ["dense", "dense, two products"] if options.kind == "softmax" else []
    print(
        f"width {options.width}, scale {options.scale}, {options.kind}, {options.threads} thread(s), float32"
    )
    print("| N | loss | s | CPU s | ratio | peak MiB | ratio | value |")
    print("|---|---|---|---|---|---|---|---|")
    for count in [*options.sizes, *options.tiled_sizes]:
        ours: Figures | None = None
        for name in ["tiled", *(others if count in options.sizes else [])]:
            found = measure(
                Task(
                    name=name,
                    count=count,
                    width=options.width,
                    scale=options.scale,
                    kind=options.kind,
                    threads=options.threads,
                    rounds=1 if count >= options.once_from else options.rounds,
                )
            )
            ours = ours or found
            times = f"{found.seconds:.3f} | {found.cpu_s:.3f} | {found.cpu_s / ours.cpu_s:.2f}"
            memory = f"{found.peak_mib:,.0f} | {found.peak_mib / ours.peak_mib:.2f}"
            print(f"| {count:,} | {name} | {times} | {memory} | {found.value:.5f} |", flush=True)


if __name__ == "__main__":
    main()
