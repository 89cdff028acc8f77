"""Long-CLIP's coarse images: their main components over the batch. Shapes: see `tiles`."""

import torch
from torch import distributed

from contrastive_trainer.losses.gather import gather, rank
from contrastive_trainer.losses.tiles import compute_dtype, full_precision


def coarse_images(
    image_ND: torch.Tensor, components: int, group: distributed.ProcessGroup | None = None
) -> torch.Tensor:
    """Return m + (x - m) V V^T for each image x, m the batch's mean and V its first principal components.

    V is held constant in backward: its own gradient grows without bound as two singular values meet. As
    released the result is not brought back to unit length.

    Source: primary component matching, Long-CLIP (arXiv 2403.15378; beichenzbc/Long-CLIP, model_longclip.py).
    The release takes the components of each GPU's own batch; here they are those of all ranks, so that the
    result does not depend on the number of ranks.

    Raises:
        ValueError: components is below 1.
    """
    if components < 1:
        raise ValueError(f"components is {components}; keep at least 1")
    with full_precision(image_ND.device):
        image_MD = gather(image_ND.to(compute_dtype(image_ND)), group)
        mean_D = image_MD.mean(0)
        centred_MD = image_MD - mean_D
        with torch.no_grad():
            # In ascending order. Far cheaper than decomposing M x D, and as exact for the large ones.
            vectors_DD = torch.linalg.eigh(centred_MD.T @ centred_MD)[1]
        first_DK = vectors_DD[:, -components:]
        start = rank(group) * len(image_ND)
        coarse_ND: torch.Tensor = centred_MD[start : start + len(image_ND)] @ first_DK @ first_DK.T
        return mean_D + coarse_ND
