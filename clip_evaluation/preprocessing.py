"""Pictures as a checkpoint wants them: what its preprocessor_config.json says, done with Pillow.

The same steps as transformers' image processors on Pillow, so that a checkpoint sees what it was made for;
transparency is laid over white and EXIF orientation applied before them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from clip_evaluation.decoding import decode
from contrastive_trainer.data.picture import MAX_PIXELS
from schemas.errors import ConfigError, RunError

_FILE = "preprocessor_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a picture becomes the model's input.

    `resize` is (height, width), to which it is squashed, or the length of its shorter side; `crop` is
    (height, width) about the centre. None of them: as it is. Then comes (value / 255 - `mean`) / `std`.
    """

    resize: tuple[int, int] | int | None
    crop: tuple[int, int] | None
    resample: Image.Resampling
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def picture(self, data: bytes, where: str) -> Image.Image:
        """Return an encoded picture as RGB, resized and cropped; `where` says in errors which it is.

        Raises:
            RunError: it cannot be decoded, or declares over `MAX_PIXELS`.
        """
        try:
            upright = decode(data)
        except RunError as error:
            raise RunError(f"{where}: {error}; remove it") from None
        return self._cropped(self._resized(upright))

    def _resized(self, image: Image.Image) -> Image.Image:
        match self.resize:
            case None:
                return image
            case (height, width):
                return image.resize((width, height), self.resample)
            case side:
                short, long = sorted(image.size)
                other = min(int(side * long / short), MAX_PIXELS // side)
                size = (side, other) if image.width <= image.height else (other, side)
                return image.resize(size, self.resample)

    def _cropped(self, image: Image.Image) -> Image.Image:
        """Cut out the middle; what lies beyond the picture is black."""
        if self.crop is None:
            return image
        height, width = self.crop
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))


def read_preprocessing(settings: Mapping[str, Any], side: int) -> Preprocessing:
    """Return what a preprocessor_config.json says, for a model of pictures of `side` pixels.

    Raises:
        ConfigError: a field is not what was expected, or the pictures get another size.
    """
    try:
        found = _read(settings)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{_FILE} of the checkpoint cannot be read ({error!r}); mend it") from error
    made = found.crop or found.resize
    if made != (side, side):
        raise ConfigError(
            f"{_FILE} of the checkpoint makes pictures of {made} pixels, but its model takes {side} x {side}"
            "; mend size or crop_size"
        )
    return found


def _read(settings: Mapping[str, Any]) -> Preprocessing:
    resize = _size(settings["size"]) if settings.get("do_resize", True) else None
    crop = None
    if settings.get("do_center_crop", "crop_size" in settings):
        given = settings["crop_size"]
        side = _size({"height": given, "width": given} if isinstance(given, int) else given)
        crop = (side, side) if isinstance(side, int) else side
    factor = float(settings.get("rescale_factor", 1 / 255)) if settings.get("do_rescale", True) else 1.0
    mean: tuple[float, ...] = (0.0,) * 3
    std: tuple[float, ...] = (1.0,) * 3
    if settings.get("do_normalize", True):
        mean, std = _channels(settings["image_mean"]), _channels(settings["image_std"])
    # (v factor - mean) / std = (v / 255 - mean / s) / (std / s) with s = 255 factor.
    scale = round(255 * factor, 12)
    if not 0 < scale < math.inf or not all(0 < part < math.inf for part in std):
        raise ValueError(f"rescale_factor is {factor}, image_std {std}")
    return Preprocessing(
        resize=resize,
        crop=crop,
        resample=Image.Resampling(settings.get("resample", Image.Resampling.BICUBIC)),
        mean=tuple(value / scale for value in mean),
        std=tuple(value / scale for value in std),
    )


def _size(value: Any) -> tuple[int, int] | int:
    """Return (height, width), or the length of the shorter side, which a number alone is too."""
    if isinstance(value, int):
        value = {"shortest_edge": value}
    sides = [value["shortest_edge"]] if "shortest_edge" in value else [value["height"], value["width"]]
    for side in sides:
        if type(side) is not int or not 1 <= side <= 8192:
            raise ValueError(f"a side of {side!r} pixels")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _channels(values: Any) -> tuple[float, ...]:
    channels = tuple(float(value) for value in values)
    if len(channels) != 3 or not all(map(math.isfinite, channels)):
        raise ValueError(f"{values} for three channels")
    return channels
