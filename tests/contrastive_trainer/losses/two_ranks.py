"""One of the processes of test_gather.py: every loss on this rank's part of a seeded batch.

python two_ranks.py FOLDER RANK
"""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional

from contrastive_trainer.losses.contrastive import Negatives, contrastive
from contrastive_trainer.losses.distill import Teacher, distillation
from contrastive_trainer.losses.grad_cache import grad_cache
from contrastive_trainer.losses.hni import hard_negative
from contrastive_trainer.losses.long_clip import coarse_images
from contrastive_trainer.losses.pairs import Pairs
from contrastive_trainer.losses.regions import grounding, region_text, region_weight
from contrastive_trainer.losses.stc import short_tags

COUNT, WIDTH = 8, 6
IDS = torch.tensor([0, 1, 2, 0, 1, 3, 0, 4])
VALID = torch.tensor([1, 1, 0, 0, 0, 1, 1, 1]).bool()
SOME = torch.arange(2 * COUNT).view(COUNT, 2) % 3 > 0
Group = distributed.ProcessGroup | None
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def losses(part: slice, group: Group) -> Iterator[tuple[str, Loss]]:
    """Yield every loss with a group, as a function of this rank's images and texts and of the scale."""
    ids, valid = IDS[part], VALID[part]
    some = SOME[part] & valid[:, None]  # 2 and 4 of the ranks'
    yield from contrastive_losses(ids, valid, fixed(part, 3, seed=5), group)
    yield from losses_with_negatives(some, group)
    teachers = [
        Teacher(image_ND=fixed(part, 4, seed=k), text_ND=fixed(part, 4, seed=k + 1), scale=9.0 * k)
        for k in (1, 3)
    ]
    yield "distill", lambda x, y, s: distillation(x, y, s, teachers, group=group, tile=3)
    yield "long_clip", lambda x, y, s: contrastive(coarse_images(x, 3, group), y, s, group=group)
    false = fixed(part, 2, WIDTH, seed=7)
    yield "hni", lambda x, y, s: hard_negative(x, y, false, s, some, group=group)
    yield from region_losses(some, fixed(part, 2, 4, seed=8), group)
    yield "stc", tag_loss(valid, some, group)


def fixed(part: slice, *shape: int, seed: int) -> Tensor:
    """Return this rank's part of seeded vectors of unit length."""
    made = torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(seed)).double()
    return functional.normalize(made, dim=-1)[part]


def contrastive_losses(ids: Tensor, valid: Tensor, keys: Tensor, group: Group) -> Iterator[tuple[str, Loss]]:
    """Yield the contrastive loss with each of its options."""
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "ids": {"pairs": Pairs(ids_N=ids)},
        "valid": {"pairs": Pairs(valid_N=valid)},
        "keys": {"pairs": Pairs(keys_NK=keys, valid_N=valid, alike_above=0.3)},
        "smoothing": {"smoothing": 0.1},
        "leave_one_out": {"kind": "leave_one_out", "pairs": Pairs(ids_N=ids)},
        "sigmoid": {"kind": "sigmoid", "bias": -3.0, "pairs": Pairs(ids_N=ids, valid_N=valid)},
    }
    for name, given in options.items():
        yield name, lambda x, y, s, given=given: contrastive(x, y, s, **given, group=group, tile=3)


def losses_with_negatives(some: Tensor, group: Group) -> Iterator[tuple[str, Loss]]:
    """Yield each kind of contrastive loss with false texts, of all ranks and of this one alone."""
    for shared in (True, False):
        for kind in ("softmax", "sigmoid", "leave_one_out"):

            def with_negatives(
                x: Tensor, y: Tensor, s: Tensor, kind: Any = kind, shared: bool = shared
            ) -> Tensor:
                false = torch.stack([y.flip(1), x.roll(1, 1)], dim=1)
                negatives = Negatives(text_NKD=false, valid_NK=some, shared=shared)
                return contrastive(x, y, s, kind=kind, negatives=negatives, group=group, tile=3)

            yield f"{kind}_{'shared' if shared else 'own'}", with_negatives


def region_losses(some: Tensor, boxes: Tensor, group: Group) -> Iterator[tuple[str, Loss]]:
    """Yield the loss of regions and their phrases, and that of boxes."""

    def regions(x: Tensor, y: Tensor, s: Tensor) -> Tensor:
        pooled, phrases = torch.stack([x, x.flip(1)], 1), torch.stack([y, y.flip(1)], 1)
        loss = region_text(pooled, phrases, s, some, alike_above=0.5, group=group)
        return region_weight(some, group) * loss

    yield "regions", regions
    yield (
        "grounding",
        lambda x, y, s: s * grounding(torch.stack([x, y], 1)[..., :4], boxes, some, group=group),
    )


def tag_loss(valid: Tensor, some: Tensor, group: Group) -> Loss:
    """Return the loss of short tags."""
    tags = torch.where(valid[:, None], torch.tensor([[3, 1]]), -1)
    false_tags = torch.where(some, torch.tensor([[4, 0]]), -1)
    vocabulary = functional.normalize(torch.arange(30.0).double().view(5, 6).sin(), dim=1)
    return lambda x, y, s: short_tags(x + y, vocabulary, s, -2.0, tags, false_tags, group=group)


def measure(rank: int | None, group: Group = None) -> dict[str, list[Tensor]]:
    """Return every loss's value and gradients, the latter those of the mean over ranks."""
    ranks, part = (1, slice(None)) if rank is None else (2, slice(4 * rank, 4 * rank + 4))
    generators = [torch.Generator().manual_seed(seed) for seed in (11, 12)]
    whole = [functional.normalize(torch.randn(COUNT, WIDTH, generator=g).double(), dim=1) for g in generators]
    results = {}
    for name, loss in losses(part, group):
        image, text = (side[part].clone().requires_grad_() for side in whole)
        scale = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
        value = loss(image, text, scale)
        gradients = torch.autograd.grad(value, (image, text, scale))
        results[name] = [value.detach(), *(gradient / ranks for gradient in gradients)]
    model = torch.nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.eye(WIDTH).roll(1, 0) + 0.1)
        model.bias.zero_()
    chunks = list(zip(whole[0][part].split(3), whole[1][part].split(3), strict=True))
    grad_cache(
        lambda c: {"x": model(c[0]), "y": c[1]},
        chunks,
        lambda e: contrastive(e["x"], e["y"], 5.0, group=group),
    )
    assert model.weight.grad is not None
    return results | {"grad_cache": [model.weight.grad / ranks]}


def main(folder: Path, rank: int) -> None:
    """Meet the other rank, and write this one's results to FOLDER/RANK.pt."""
    torch.set_num_threads(1)
    store, limit = distributed.FileStore(str(folder / "store"), 2), timedelta(seconds=60)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=limit)
    torch.save(measure(rank, distributed.group.WORLD), folder / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
