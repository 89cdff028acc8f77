"""Pictures as an image processor of the transformers library prepares them.

EXIF orientation is applied before (the library's processors do not look at it), and transparency is laid over
white, as they do. Letters in the names of tensors: B pictures.
"""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from lvlm_workers.picture import UnreadablePictureError, decode_picture

MAX_PIXELS = 100_000_000
"""Of a picture as stored; more is not decoded."""

MAX_ASPECT = 64
"""A processor that resizes the shorter side makes gigabytes of a picture that is a line."""

_MAX_SIDE_PX = 2048
_MAX_PATCHES = 16_384
_PROBE = (48, 32)


class PicturePreparer:
    """Makes of encoded pictures what the image tower takes.

    Args:
        processor: the checkpoint's own, on Pillow.
        vision: settings of the image tower.

    Raises:
        ValueError: it makes no pictures of the size that the tower takes.
    """

    def __init__(self, processor: Any, vision: Any) -> None:
        self._processor = processor
        _check_sides(processor)
        made = self._prepare([Image.new("RGB", _PROBE)])["pixel_values"].shape
        side = getattr(vision, "image_size", None)  # none: any shape, as patches
        fits = made[1:] == (3, side, side) if side else made[-1] == 3 * vision.patch_size**2
        if not fits:
            wanted = f"3 x {side} x {side}" if side else f"patches of {vision.patch_size} pixels"
            raise ValueError(
                f"its preprocessor_config.json makes {' x '.join(map(str, made[1:]))} of a picture, "
                f"but its model takes {wanted}"
            )

    def prepare(self, data: bytes, *, and_flipped: bool) -> dict[str, Tensor]:
        """Return the tower's input for a picture (B = 1), or for it and its mirror image (B = 2).

        Raises:
            UnreadablePictureError: it cannot be decoded, is larger than `MAX_PIXELS` or longer than
                `MAX_ASPECT` times its shorter side.
        """
        picture = decode_picture(data, MAX_PIXELS)
        short, long = sorted(picture.size)
        if long > MAX_ASPECT * short:
            raise UnreadablePictureError(
                f"the picture has {picture.width} x {picture.height} pixels, "
                f"one side over {MAX_ASPECT} times the other"
            )
        return self._prepare([picture, ImageOps.mirror(picture)] if and_flipped else [picture])

    def _prepare(self, pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
        return dict(self._processor(images=list(pictures), return_tensors="pt"))


def join_inputs(prepared: Sequence[dict[str, Tensor]], device: torch.device) -> dict[str, Tensor]:
    """Return one batch of what was prepared picture by picture."""
    return {name: torch.cat([one[name] for one in prepared]).to(device) for name in prepared[0]}


def _check_sides(processor: Any) -> None:
    """Look whether a processor makes pictures of a bearable size."""
    for name in ("size", "crop_size"):
        sides = dict(getattr(processor, name, None) or {})
        for side in sides.values():
            if side is not None and not 1 <= side <= _MAX_SIDE_PX:
                raise ValueError(f"its preprocessor_config.json has a {name} of {side} pixels")
    if not 1 <= getattr(processor, "max_num_patches", 1) <= _MAX_PATCHES:
        raise ValueError(f"its preprocessor_config.json has a max_num_patches of {processor.max_num_patches}")
