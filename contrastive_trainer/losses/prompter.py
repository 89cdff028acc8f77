"""CLOC's prompter: what an image says where a box, or a text, asks. Shapes: see `tiles`; K prompts."""

import math

import torch
from torch import nn

from contrastive_trainer.losses.tiles import compute_dtype

FREQUENCIES = 16
"""Of the sinusoids of a coordinate, from pi to 128 pi."""


class Prompter(nn.Module):
    """Embed an image's tokens under a box or a text, and find the box of a text.

    One transformer layer with one head reads the prompt and the image tower's tokens before pooling; the mean
    of its outputs, projected, is the region's embedding. A box is its two corners in sinusoids; a text is its
    embedding.

    Source: CLOC (arXiv 2410.02746). The paper gives the parts; the number of frequencies, the normalisation
    before attention and the linear maps to the tower's width are ours.
    """

    def __init__(self, width: int, embedding: int) -> None:
        """Make the parts for tokens of `width` and embeddings of `embedding` numbers."""
        super().__init__()
        frequencies_F = math.pi * 2.0 ** torch.linspace(0, 7, FREQUENCIES)
        self.register_buffer("frequencies_F", frequencies_F, persistent=False)
        self.box_in = nn.Linear(8 * FREQUENCIES, width)
        self.text_in = nn.Linear(embedding, width)
        self.layer = nn.TransformerEncoderLayer(
            width,
            nhead=1,
            dim_feedforward=4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, embedding, bias=False)
        self.box_out = nn.Sequential(nn.Linear(embedding, embedding), nn.GELU(), nn.Linear(embedding, 4))

    def regions(self, token_NPW: torch.Tensor, box_NK4: torch.Tensor) -> torch.Tensor:
        """Return the unit embeddings of boxes (N, K, D); boxes are x0, y0, x1, y1 in 0..1."""
        return nn.functional.normalize(self._read(token_NPW, self.box_in(self.encode(box_NK4))), dim=-1)

    def boxes(self, token_NPW: torch.Tensor, text_NKD: torch.Tensor) -> torch.Tensor:
        """Return the boxes of texts (N, K, 4), which may leave 0..1: nothing clips them."""
        boxes: torch.Tensor = self.box_out(self._read(token_NPW, self.text_in(text_NKD)))
        return boxes

    def encode(self, box_NK4: torch.Tensor) -> torch.Tensor:
        """Return sines and cosines of the corners at frequencies pi to 128 pi (N, K, 8 F)."""
        frequencies_F = self.get_buffer("frequencies_F")
        angle_NK4F = box_NK4.to(compute_dtype(box_NK4))[..., None] * frequencies_F
        encoded = torch.cat([angle_NK4F.sin(), angle_NK4F.cos()], dim=-1).flatten(-2)
        return encoded.to(self.box_in.weight.dtype)

    def _read(self, token_NPW: torch.Tensor, prompt_NKW: torch.Tensor) -> torch.Tensor:
        images, prompts = prompt_NKW.shape[:2]
        repeated_NKPW = token_NPW[:, None].expand(-1, prompts, -1, -1)
        sequence = torch.cat([prompt_NKW[:, :, None].to(token_NPW.dtype), repeated_NKPW], dim=2)
        read = self.norm(self.layer(sequence.flatten(0, 1)))
        projected: torch.Tensor = self.out(read.mean(1))
        return projected.view(images, prompts, -1)
