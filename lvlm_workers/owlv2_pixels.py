"""A picture as OWLv2 sees it: padded to a square at the right and below, resized, normalised.

The transformers library pads, blurs where pixels will be lost, and resizes, all on a CPU by scipy. The steps
are linear and treat rows and columns alike, so that here they are two products with one matrix, which also
run on a GPU, need no scipy, and never make the square of a long thin picture.

Letters in the names of tensors and arrays: C colours, H and W sides of a picture, M the longer one, S side of
the model's input, T taps of a row of the matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

_DONE = ("do_rescale", "do_pad", "do_resize", "do_normalize")
_TRUNCATE = 4.0
"""The blur's reach in standard deviations, as scipy has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelReader:
    """Makes pictures into tensors for a checkpoint: `side` is that of its input in pixels."""

    side: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def read(self, picture: Image.Image, device: torch.device) -> torch.Tensor:
        """Return pixels_CSS of a picture in RGB, in float32."""
        image_HWC = torch.from_numpy(np.array(picture)).to(device)
        high, wide, _ = image_HWC.shape
        resize_SM = torch.from_numpy(resize_matrix(max(high, wide), self.side)).to(device)
        image_CHW = image_HWC.permute(2, 0, 1).float() * self.scale
        pixels_CSS = resize_SM[:, :high] @ image_CHW @ resize_SM[:, :wide].T
        mean_C11, std_C11 = (
            torch.tensor(values, device=device).reshape(-1, 1, 1) for values in (self.mean, self.std)
        )
        return (pixels_CSS - mean_C11) / std_C11


def make_reader(settings: Mapping[str, Any], side: int) -> PixelReader:
    """Return the reader that a checkpoint's `preprocessor_config.json` asks for.

    Raises:
        ValueError: it asks for anything but padding and a resize to the model's input.
        TypeError: its numbers are none.
    """
    for name in _DONE:
        if not settings.get(name, True):
            raise ValueError(f"its preprocessor_config.json has {name} false, which is no OWLv2's")
    size = settings.get("size", {"height": side, "width": side})
    if size != {"height": side, "width": side}:
        raise ValueError(f"its preprocessor_config.json resizes to {size}, and its model reads {side} px")
    mean, std = (
        tuple(float(value) for value in settings.get(name, default))
        for name, default in (("image_mean", OPENAI_CLIP_MEAN), ("image_std", OPENAI_CLIP_STD))
    )
    if len(mean) != 3 or len(std) != 3 or not all(std):
        raise ValueError("its preprocessor_config.json has no mean and deviation of three colours")
    return PixelReader(side=side, scale=float(settings.get("rescale_factor", 1 / 255)), mean=mean, std=std)


@lru_cache(maxsize=4)
def resize_matrix(length: int, side: int) -> NDArray[np.float32]:
    """Return the matrix_SM that resizes a line of `length` pixels to `side` of them.

    Where that loses pixels, they are first blurred with a standard deviation of (length / side - 1) / 2
    (`anti_aliasing` of skimage.transform.resize, on which the authors' code rests), then read by linear
    interpolation at the centres of the new ones; beyond its ends the line is mirrored.
    """
    factor = length / side
    at_S = factor * (np.arange(side) + 0.5) - 0.5
    at_S = (length - 1) - np.abs((length - 1) - np.abs(at_S)) if length > 1 else np.zeros(side)
    low_S = np.floor(at_S).astype(np.int64)
    part_S = at_S - low_S
    offset_T, weight_T = _blur((factor - 1) / 2)
    matrix_SM = np.zeros((side, length))
    for tap_S, share_S in ((low_S, 1 - part_S), (low_S + 1, part_S)):
        # Of an upper tap behind the end the share is 0.
        place_ST = _mirrored(np.minimum(tap_S, length - 1)[:, None] + offset_T, length)
        row_ST = np.broadcast_to(np.arange(side)[:, None], place_ST.shape)
        np.add.at(matrix_SM, (row_ST, place_ST), share_S[:, None] * weight_T)
    return matrix_SM.astype(np.float32)


def _blur(deviation: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the taps of a Gaussian and their weights; one tap where there is nothing to blur."""
    if deviation <= 0:
        return np.zeros(1, np.int64), np.ones(1)
    reach = int(_TRUNCATE * deviation + 0.5)
    offset_T = np.arange(-reach, reach + 1)
    weight_T = np.exp(-0.5 * (offset_T / deviation) ** 2)
    return offset_T, weight_T / weight_T.sum()


def _mirrored(place_ST: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return places on a line that its ends mirror, each end once."""
    if length == 1:
        return np.zeros_like(place_ST)
    turn_ST = place_ST % (2 * (length - 1))
    return np.minimum(turn_ST, 2 * (length - 1) - turn_ST)
