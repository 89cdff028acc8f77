"""Longer texts for a model trained on short ones: Long-CLIP's stretched position embeddings."""

import torch
from torch import Tensor

KEPT = 20
"""Positions that are well trained and stay as they are (Long-CLIP, arXiv 2403.15378, section 3.1)."""


def stretch_positions(position_LD: Tensor, length: int) -> Tensor:
    """Return a position table of `length` rows: the first 20 as they are, the others interpolated linearly.

    The paper stretches 77 to 248 = 20 + 4 x 57: each later row becomes four, at 0, 1/4, 1/2 and 3/4 of the
    way to the next; the last three go on beyond the table with the last step. Other lengths stretch the
    later rows by (length - 20) / (L - 20) in the same way.

    Raises:
        ValueError: `length` is shorter than the table, or the table has no row to stretch.
    """
    rows = len(position_LD)
    if length < rows or rows <= KEPT + 1:
        raise ValueError(f"a table of {rows} positions cannot be stretched to {length}")
    if length == rows:
        return position_LD.clone()
    later_ED = position_LD[KEPT:]
    step = len(later_ED) / (length - KEPT)
    at_N = torch.arange(length - KEPT, dtype=torch.float64) * step
    low_N = at_N.floor().long().clamp(max=len(later_ED) - 2)
    share_N1 = (at_N - low_N).to(position_LD.dtype).unsqueeze(1)  # over 1 beyond the last row: goes on
    stretched_ND = torch.lerp(later_ED[low_N], later_ED[low_N + 1], share_N1.to(position_LD.device))
    return torch.cat([position_LD[:KEPT], stretched_ND])
