"""HQ-CLIP's short-tag classification: which tags of a vocabulary fit the image. Shapes: see `tiles`."""

import math

import torch
from torch import distributed, nn
from torch.nn import functional

from contrastive_trainer.losses.gather import mean_share
from contrastive_trainer.losses.tiles import compute_dtype, full_precision

PAD = -1
"""What fills the rows of images with fewer tags."""


def short_tags(
    image_ND: torch.Tensor,
    tag_VD: torch.Tensor,
    scale: torch.Tensor | float,
    bias: torch.Tensor | float,
    positive_NT: torch.Tensor,
    negative_NT: torch.Tensor,
    *,
    group: distributed.ProcessGroup | None = None,
) -> torch.Tensor:
    """Return the binary cross-entropy of listed tags, summed over tags, as a mean over images that have any.

    With z_nv = scale * image_n . tag_v + bias, the loss of an image is the sum of softplus(-z) over its true
    tags and of softplus(z) over its false ones. Tags that are named in neither are left open. The logits of
    the listed tags are held: N x T x D.

    Source: HQ-CLIP (arXiv 2507.22431) names a short-tag classification loss; its form, vocabulary and weight
    are not published with code, and this one is not verified against the paper's. The sum over tags follows
    SigLIP.

    Args:
        image_ND: unit rows.
        tag_VD: unit rows; the vocabulary's embeddings.
        scale: the inverse temperature.
        bias: of all logits.
        positive_NT: int64; numbers of tags that fit, each once, filled up with -1.
        negative_NT: int64; numbers of tags that do not fit, likewise.
        group: the ranks over which the mean is taken.

    Raises:
        ValueError: the lists have another length than the images.
    """
    if not len(image_ND) == len(positive_NT) == len(negative_NT):
        lengths = f"{len(positive_NT)} and {len(negative_NT)}"
        raise ValueError(f"tags are given for {lengths} of {len(image_ND)} images; give a row for each")
    with full_precision(image_ND.device):
        dtype = compute_dtype(image_ND, tag_VD)
        image_ND, tag_VD = image_ND.to(dtype), tag_VD.to(dtype)
        listed_NT = torch.cat([positive_NT, negative_NT], dim=1)
        logits_NT = torch.einsum("nd,ntd->nt", image_ND, tag_VD[listed_NT.clamp_min(0)]) * scale + bias
        sign_T = torch.ones(listed_NT.shape[1], dtype=dtype, device=image_ND.device)
        sign_T[: positive_NT.shape[1]] = -1
        loss_N = functional.softplus(sign_T * logits_NT).masked_fill(listed_NT == PAD, 0).sum(1)
        return loss_N.sum() / mean_share((listed_NT != PAD).any(1), group)


class TagHead(nn.Module):
    """A cosine classifier over the vocabulary, with a scale and a bias of its own."""

    def __init__(self, tags: int, width: int) -> None:
        """Start from random directions, and from a bias of 0.

        True and false tags are about as many. With a bias far below 0 the true ones alone would teach at
        first, and pull all images to one place.
        """
        super().__init__()
        if tags < 2:
            raise ValueError(f"the vocabulary has {tags} tags; give at least 2")
        self.tag_VD = nn.Parameter(torch.randn(tags, width) * width**-0.5)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def forward(
        self,
        image_ND: torch.Tensor,
        positive_NT: torch.Tensor,
        negative_NT: torch.Tensor,
        group: distributed.ProcessGroup | None = None,
    ) -> torch.Tensor:
        """Return the loss, see `short_tags`."""
        tag_VD = functional.normalize(self.tag_VD, dim=1)
        scale = self.log_scale.exp()
        return short_tags(image_ND, tag_VD, scale, self.bias, positive_NT, negative_NT, group=group)
