"""HQ-CLIP's short-tag classification: which tags of a vocabulary fit the image. Shapes: see `tiles`."""

import math

import torch
from torch import distributed, nn
from torch.nn import functional

from contrastive_trainer.losses.gather import mean_share
from contrastive_trainer.losses.softplus_sum import softplus_sum
from contrastive_trainer.losses.tiles import TILE, compute_dtype, full_precision

PAD = -1
"""What fills the rows of images with fewer tags."""


def short_tags(
    image_ND: torch.Tensor,
    tag_VD: torch.Tensor,
    scale: torch.Tensor | float,
    bias: torch.Tensor | float,
    positive_NT: torch.Tensor,
    negative_NT: torch.Tensor | None = None,
    *,
    group: distributed.ProcessGroup | None = None,
    tile: int = TILE,
) -> torch.Tensor:
    """Return the binary cross-entropy of tags, summed over tags, as a mean over images that have any.

    With z_nv = scale * image_n . tag_v + bias, the loss of an image is the sum of softplus(-z) over its
    positive tags and of softplus(z) over the others. With `negative_NT` the others are those alone, and tags
    that are named in neither are left open. A tag named twice counts once, one named in both is positive.

    Source: HQ-CLIP (arXiv 2507.22431) names a short-tag classification loss; its form, vocabulary and weight
    are not published with code, and this one is not verified against the paper's. The sum over tags follows
    SigLIP.

    Args:
        image_ND: unit rows.
        tag_VD: unit rows; the vocabulary's embeddings, learnt (`TagHead`) or from the text tower.
        scale: the inverse temperature.
        bias: about -log(V / tags an image) to start with where no other fits, 0 where such are listed.
        positive_NT: int64; numbers of tags that fit, filled up with -1.
        negative_NT: int64; numbers of tags that do not fit, filled up with -1. Its logits are held: N x T x
            D.
        group: the ranks over which the mean is taken.
        tile: rows and columns of a tile.

    Raises:
        ValueError: the lists have another length than the images.
    """
    if len(positive_NT) != len(image_ND) or (negative_NT is not None and len(negative_NT) != len(image_ND)):
        raise ValueError(
            f"tags are given for {len(positive_NT)} of {len(image_ND)} images; give a row for each"
        )
    with full_precision(image_ND.device):
        dtype = compute_dtype(image_ND, tag_VD)
        image_ND, tag_VD = image_ND.to(dtype), tag_VD.to(dtype)
        scale, bias = (torch.as_tensor(value, device=image_ND.device).to(dtype) for value in (scale, bias))
        positive_NT = _once(positive_NT)
        fits_NT = positive_NT != PAD
        tagged_N = fits_NT.any(1)
        if negative_NT is None:
            others_N = softplus_sum(image_ND, tag_VD, scale, bias, (), tile)
            loss_N = others_N - _sum_of_logits(image_ND, tag_VD, scale, bias, positive_NT)
        else:
            negative_NT = _once(negative_NT)
            both_NT = (negative_NT[:, :, None] == positive_NT[:, None, :]).any(2)
            negative_NT = negative_NT.masked_fill(both_NT, PAD)
            tagged_N = tagged_N | (negative_NT != PAD).any(1)
            loss_N = _listed(-1, image_ND, tag_VD, scale, bias, positive_NT)
            loss_N = loss_N + _listed(1, image_ND, tag_VD, scale, bias, negative_NT)
        return torch.where(tagged_N, loss_N, 0).sum() / mean_share(tagged_N, group)


class TagHead(nn.Module):
    """A cosine classifier over the vocabulary, with a scale and a bias of its own."""

    def __init__(self, tags: int, width: int, tags_an_image: float | None = None) -> None:
        """Start from random directions, and from a bias at which probabilities are about the tags' rate.

        Give `tags_an_image` where all other tags are false. Without it the rate is 1/2, as where false tags
        are listed: they are about as many, and with a bias far below 0 the true ones alone would teach at
        first, and pull all images to one place.
        """
        super().__init__()
        if tags < 2:
            raise ValueError(f"the vocabulary has {tags} tags; give at least 2")
        self.tag_VD = nn.Parameter(torch.randn(tags, width) * width**-0.5)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        rate = 0.5 if tags_an_image is None else min(tags_an_image / tags, 0.5)
        self.bias = nn.Parameter(torch.tensor(math.log(rate / (1 - rate))))

    def forward(
        self,
        image_ND: torch.Tensor,
        positive_NT: torch.Tensor,
        negative_NT: torch.Tensor | None = None,
        group: distributed.ProcessGroup | None = None,
    ) -> torch.Tensor:
        """Return the loss, see `short_tags`."""
        tag_VD = functional.normalize(self.tag_VD, dim=1)
        scale = self.log_scale.exp()
        return short_tags(image_ND, tag_VD, scale, self.bias, positive_NT, negative_NT, group=group)


def _once(tags_NT: torch.Tensor) -> torch.Tensor:
    """Return the lists sorted, with repetitions replaced by the fill value, and at least one entry long."""
    tags_NT = functional.pad(tags_NT, (0, 1), value=PAD).sort(dim=1).values
    repeated_NT = functional.pad(tags_NT[:, 1:] == tags_NT[:, :-1], (1, 0))
    return tags_NT.masked_fill(repeated_NT, PAD)


def _sum_of_logits(
    image_ND: torch.Tensor,
    tag_VD: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    tags_NT: torch.Tensor,
) -> torch.Tensor:
    listed_NT = tags_NT != PAD
    weight_NT = listed_NT.to(tag_VD.dtype)
    sum_ND = functional.embedding_bag(tags_NT.clamp_min(0), tag_VD, mode="sum", per_sample_weights=weight_NT)
    total_N: torch.Tensor = scale * torch.linalg.vecdot(image_ND, sum_ND) + bias * weight_NT.sum(1)
    return total_N


def _listed(
    sign: int,
    image_ND: torch.Tensor,
    tag_VD: torch.Tensor,
    scale: torch.Tensor,
    bias: torch.Tensor,
    tags_NT: torch.Tensor,
) -> torch.Tensor:
    """Return the sums of softplus(sign * logit) over the listed tags (N)."""
    logits_NT = scale * torch.einsum("nd,ntd->nt", image_ND, tag_VD[tags_NT.clamp_min(0)]) + bias
    loss_N: torch.Tensor = (functional.softplus(sign * logits_NT) * (tags_NT != PAD)).sum(1)
    return loss_N
