"""Name colours by the eleven basic terms."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from schemas.facts import COLOURS

LEVELS = 16
"""Levels a channel of the lookup table."""

_Floats = NDArray[np.float64]


@cache
def colour_table() -> NDArray[np.intp]:
    """Return the place in `COLOURS` of each of 16 x 16 x 16 colours: entry `r << 8 | g << 4 | b`.

    Level k of a channel stands for the value 17 k, so that black, white and the pure hues are exact.
    """
    levels = np.arange(LEVELS) * 17
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    table = name_colours(rgb.astype(np.float64))
    table.setflags(write=False)
    return table


def name_colours(rgb_n3: _Floats) -> NDArray[np.intp]:
    """Return the place in `COLOURS` of each sRGB colour (0..255): hue, saturation and value as in HSV, with
    lightness and chroma of CIELAB where a colour is nearly without hue or a red is light.

    The borders were set by hand so that the CSS colours and the medians of the XKCD colour survey (Munroe
    2010, https://xkcd.com/color/rgb/) get the basic term in their name. Cyan, which has none, is blue.
    """
    hue, saturation, value = _hsv(rgb_n3)
    lightness, chroma = _lightness_and_chroma(rgb_n3)
    red_side = (hue < 15) | (hue >= 345)
    earthy = (hue >= 15) & (hue < 46)
    # In order: the first rule that holds gives the name.
    rules: tuple[tuple[str, NDArray[np.bool_]], ...] = (
        ("black", (value < 0.2) | ((lightness < 20) & (chroma < 10))),
        ("white", (lightness >= 90) & (chroma < 16)),
        ("grey", chroma < 13),
        ("pink", red_side & (lightness >= 60) & (saturation < 0.65)),
        ("brown", red_side & (value < 0.7) & (saturation <= 0.8)),
        ("red", red_side),
        ("brown", earthy & ((value < 0.83) | ((saturation < 0.45) & (value < 0.9)))),
        ("pink", (hue < 24) & (saturation < 0.35)),
        ("orange", hue < 46),
        ("brown", (hue < 55) & (value < 0.6)),
        ("yellow", (hue < 68) & (value >= 0.6)),
        ("green", hue < 168),
        ("blue", hue < 255),
        ("purple", hue < 290),
        ("pink", (hue < 318) & (value > 0.9) & (saturation > 0.6)),
        ("pink", (hue >= 318) & (value > 0.6)),
        ("purple", np.ones(len(rgb_n3), dtype=np.bool_)),
    )
    places = [np.intp(COLOURS.index(name)) for name, _ in rules]
    return np.select([rule for _, rule in rules], places).astype(np.intp)


def _hsv(rgb_n3: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Return hue in degrees, and saturation and value from 0 to 1 (Smith 1978)."""
    red, green, blue = rgb_n3.T
    high, low = rgb_n3.max(axis=1), rgb_n3.min(axis=1)
    span = high - low
    safe = np.where(span == 0, 1, span)
    sector = np.select(
        [high == red, high == green],
        [(green - blue) / safe % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    hue = np.where(span == 0, 0.0, sector * 60)
    return hue, span / np.where(high == 0, 1, high), high / 255


def _lightness_and_chroma(rgb_n3: _Floats) -> tuple[_Floats, _Floats]:
    """Return L* and C* of CIELAB (CIE 15:2004) under D65; sRGB by IEC 61966-2-1."""
    unit = rgb_n3 / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = (linear[:, None, :] * to_xyz).sum(axis=-1) / to_xyz.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    a, b = 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])
    return 116 * f[:, 1] - 16, np.hypot(a, b)
