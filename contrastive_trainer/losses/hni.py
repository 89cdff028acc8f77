"""HQ-CLIP's hard negatives: each image tells its caption from the contradicting ones. Shapes: see `tiles`."""

import torch
from torch import distributed

from contrastive_trainer.losses.gather import mean_share
from contrastive_trainer.losses.tiles import compute_dtype, full_precision


def hard_negative(
    image_ND: torch.Tensor,
    text_ND: torch.Tensor,
    negative_NKD: torch.Tensor,
    scale: torch.Tensor | float,
    valid_NK: torch.Tensor,
    *,
    group: distributed.ProcessGroup | None = None,
) -> torch.Tensor:
    """Return the mean of -log e^(s x.t) / (e^(s x.t) + sum_k e^(s x.n_k)) over images that have a negative.

    x is the image, t its caption, n_k its negatives, s the scale; no other image's text takes part. Without
    any negative the loss is 0.

    Source: HQ-CLIP (arXiv 2507.22431) names a hard negative identification loss; its form is not published
    with code, and this one, the plainest that fits the description, is not verified against the paper's.

    Args:
        image_ND: unit rows.
        text_ND: unit rows; each image's positive.
        negative_NKD: unit rows; up to K negatives an image.
        scale: the inverse temperature.
        valid_NK: bool; which negatives there are.
        group: the ranks over which the mean is taken.

    Raises:
        ValueError: shapes do not belong together.
    """
    expected = (len(image_ND), negative_NKD.shape[1] if negative_NKD.ndim == 3 else 0, image_ND.shape[-1])
    if text_ND.shape != image_ND.shape or negative_NKD.shape != expected:
        shapes = f"{tuple(image_ND.shape)}, {tuple(text_ND.shape)}, {tuple(negative_NKD.shape)}"
        raise ValueError(f"images, texts and negatives are {shapes}; give (N, D), (N, D) and (N, K, D)")
    with full_precision(image_ND.device):
        dtype = compute_dtype(image_ND, text_ND, negative_NKD)
        image_ND, text_ND, negative_NKD = (t.to(dtype) for t in (image_ND, text_ND, negative_NKD))
        positive_N = torch.linalg.vecdot(image_ND, text_ND)
        gap_NK = scale * (torch.einsum("nd,nkd->nk", image_ND, negative_NKD) - positive_N[:, None])
        gap_NK = gap_NK.masked_fill(~valid_NK, -torch.inf)
        # -log 1 / (1 + sum e^gap); an image without negatives gives log 1 = 0.
        loss_N = torch.cat([torch.zeros_like(positive_N)[:, None], gap_NK], dim=1).logsumexp(1)
        return loss_N.sum() / mean_share(valid_NK.any(1), group)
