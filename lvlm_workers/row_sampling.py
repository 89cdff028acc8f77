"""Draw each row of a batch by its own seed.

Letters in the names of tensors: B rows of the batch, L tokens so far, V tokens of the vocabulary.
"""

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor

from schemas.annotation import Sampling


class RowSampler(LogitsProcessor):  # type: ignore[misc]  # transformers is not followed
    """Leaves each row the one token it draws, so that generation which takes the likeliest takes that.

    A row has a generator of its own: what it draws depends on its seed and scores, and on no other row.
    At temperature 0 the scores stay as they are. `steps` counts the tokens written.
    """

    def __init__(self, sampling: Sampling, seeds: Sequence[int], device: torch.device) -> None:
        self.steps = 0
        self._sampling = sampling
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids_BL: torch.Tensor, scores_BV: torch.Tensor) -> torch.Tensor:
        """Return the scores to take the likeliest of."""
        self.steps += 1
        if self._sampling.temperature == 0:
            return scores_BV
        chances_BV = nucleus(scores_BV, self._sampling.temperature, self._sampling.top_p)
        drawn_B1 = torch.stack(
            [
                torch.multinomial(chances_V, 1, generator=generator)
                for chances_V, generator in zip(chances_BV, self._generators, strict=True)
            ]
        )
        return torch.full_like(scores_BV, -torch.inf).scatter_(1, drawn_B1, 0.0)


def nucleus(scores_BV: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Return the chances of the likeliest tokens that together reach `top_p`, 0 for all others.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751). The likeliest
    token always stays. The chances do not sum to 1 when some are left out.
    """
    highest_B1 = scores_BV.max(dim=-1, keepdim=True).values
    chances_BV = ((scores_BV - highest_B1).float() / temperature).softmax(-1)
    if top_p >= 1:
        return chances_BV
    sorted_BV, order_BV = chances_BV.sort(descending=True, stable=True)
    before_BV = sorted_BV.cumsum(-1) - sorted_BV
    left_out_BV = before_BV >= top_p
    left_out_BV[:, 0] = False
    return chances_BV.masked_fill(left_out_BV.scatter(1, order_BV, left_out_BV), 0.0)
