"""Which texts belong to which images, over all ranks. Shapes: see `tiles`; K is the width of a key."""

from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn import functional

from contrastive_trainer.losses.gather import gather, rank, ranks
from contrastive_trainer.losses.masks import AlikeKeys, OneColumn, SameId
from contrastive_trainer.losses.tiles import TileMask, compute_dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What is known of this rank's pairs beyond that text i belongs to image i.

    Args:
        ids_N: integers; texts of the same id are positives of each other's images, each with an equal share.
        valid_N: bool; a false pair is neither a row, nor a positive, nor a negative.
        keys_NK: embeddings, usually of the texts; pairs with keys alike are neither positive nor negative.
            No gradient flows through them.
        alike_above: cosine above which keys are alike; 0.9 in CLOC (arXiv 2410.02746).
    """

    ids_N: torch.Tensor | None = None
    valid_N: torch.Tensor | None = None
    keys_NK: torch.Tensor | None = None
    alike_above: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Valid images of this rank (N) against valid texts of all ranks (M)."""

    image_ND: torch.Tensor
    text_MD: torch.Tensor
    own_N: torch.Tensor  # column of each image's own text
    ids_M: torch.Tensor | None
    kept_N: torch.Tensor  # place of each image in what the caller gave
    kept_M: torch.Tensor
    share: float  # M / number of ranks: what to divide a sum by
    alike: AlikeKeys | None

    def positives(self) -> TileMask:
        """Return the mask that leaves out the positives."""
        if self.ids_M is None:
            return OneColumn(self.own_N, self.own_N.tolist())
        return SameId(row_N=self.ids_M[self.own_N], column_M=self.ids_M)

    def positive_mean(self, counted_M: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean of each image's positive texts (N, D), with 0 for those not counted."""
        text_MD = self.text_MD if counted_M is None else self.text_MD * counted_M[:, None]
        if self.ids_M is None:
            return text_MD[self.own_N]
        group_M, count_M = self._groups()
        sums = torch.zeros_like(text_MD).index_add(0, group_M, text_MD)
        return (sums / count_M.clamp_min(1)[:, None])[group_M[self.own_N]]

    def positive_count(self) -> torch.Tensor:
        """Return how many positives each image has (N)."""
        if self.ids_M is None:
            return torch.ones_like(self.own_N)
        group_M, count_M = self._groups()
        return count_M[group_M[self.own_N]]

    def _groups(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each text's group number (M), and the groups' sizes padded to M."""
        assert self.ids_M is not None
        group_M = torch.unique(self.ids_M, return_inverse=True)[1]
        return group_M, torch.zeros_like(group_M).index_add(0, group_M, torch.ones_like(group_M))


def make_batch(
    image_ND: torch.Tensor, text_ND: torch.Tensor, pairs: Pairs, group: distributed.ProcessGroup | None
) -> Batch:
    """Gather the texts of all ranks, drop what is not valid, and compute in float32 at least.

    Raises:
        ValueError: shapes do not belong together.
    """
    _check(image_ND, text_ND, pairs)
    dtype = compute_dtype(image_ND, text_ND)
    text_MD = gather(text_ND.to(dtype), group)
    first = rank(group) * len(image_ND)
    kept_M = torch.arange(len(text_MD), device=text_MD.device)
    own_N = kept_N = kept_M[first : first + len(image_ND)]
    image_ND, kept_N = image_ND.to(dtype), kept_N - first
    if pairs.valid_N is not None:
        valid_M = gather(pairs.valid_N.to(torch.uint8), group).bool()
        kept_N, kept_M = pairs.valid_N.nonzero()[:, 0], valid_M.nonzero()[:, 0]
        own_N = (valid_M.cumsum(0) - 1)[kept_N + first]
        image_ND, text_MD = image_ND[kept_N], text_MD[kept_M]
    ids_M = None if pairs.ids_N is None else gather(pairs.ids_N, group)[kept_M]
    return Batch(
        image_ND=image_ND,
        text_MD=text_MD,
        own_N=own_N,
        ids_M=ids_M,
        kept_N=kept_N,
        kept_M=kept_M,
        share=max(len(kept_M), 1) / ranks(group),
        alike=_alike(pairs, ids_M, own_N, kept_M, group),
    )


def _alike(
    pairs: Pairs,
    ids_M: torch.Tensor | None,
    own_N: torch.Tensor,
    kept_M: torch.Tensor,
    group: distributed.ProcessGroup | None,
) -> AlikeKeys | None:
    if pairs.keys_NK is None:
        return None
    keys_NK = pairs.keys_NK.detach()
    keys_NK = functional.normalize(keys_NK.to(compute_dtype(keys_NK)), dim=1)
    keys_MK = gather(keys_NK, group)[kept_M]
    ids_M = torch.arange(len(kept_M), device=kept_M.device) if ids_M is None else ids_M
    return AlikeKeys(
        row_NK=keys_MK[own_N],
        column_MK=keys_MK,
        row_ids_N=ids_M[own_N],
        column_ids_M=ids_M,
        above=pairs.alike_above,
    )


def _check(image_ND: torch.Tensor, text_ND: torch.Tensor, pairs: Pairs) -> None:
    if image_ND.ndim != 2 or image_ND.shape != text_ND.shape:
        shapes = f"{tuple(image_ND.shape)} and {tuple(text_ND.shape)}"
        raise ValueError(f"embeddings of images and texts are {shapes}; give two equal (samples, width)")
    for name in ("ids_N", "valid_N", "keys_NK"):
        value = getattr(pairs, name)
        if value is not None and len(value) != len(image_ND):
            raise ValueError(f"{name} has {len(value)} entries for {len(image_ND)} pairs; give one a pair")
