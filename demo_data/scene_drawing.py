"""Draw a planned scene: soft background, soft shadows, softly lit cut-outs with clean edges."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from demo_data.scene_layout import Background, Layout, SceneObject
from demo_data.scene_shapes import RING_HOLE, outline

Pixels = NDArray[np.float32]
SUPERSAMPLING = 4


def _mask(item: SceneObject, size_px: int) -> Image.Image:
    """Return the object's coverage of each pixel, 0..255: drawn larger, then reduced."""
    large = size_px * SUPERSAMPLING
    picture = Image.new("L", (large, large))
    pen = ImageDraw.Draw(picture)
    x0, y0, x1, y1 = (edge * large for edge in item.box)
    points = outline(item.shape, item.turn)
    side = max(x1 - x0, y1 - y0)
    # A polygon covers the pixels of its own corners, so its far edges would be one pixel out.
    scale = side - 1
    pen.polygon([(x0 + x * scale, y0 + y * scale) for x, y in points], fill=255)
    if item.shape == "ring":
        hole = RING_HOLE * side / 2
        middle = ((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2)
        pen.ellipse([middle[0] - hole, middle[1] - hole, middle[0] + hole, middle[1] + hole], fill=0)
    return picture.reduce(SUPERSAMPLING)


def _share(mask: Image.Image) -> Pixels:
    return np.asarray(mask, np.float32)[..., None] / np.float32(255)


def _blurred(mask: Image.Image, radius_px: float, shift_px: tuple[int, int] = (0, 0)) -> Pixels:
    moved = Image.new("L", mask.size)
    moved.paste(mask, shift_px)
    return _share(moved.filter(ImageFilter.GaussianBlur(radius_px)))


def _clouds(random: np.random.Generator, size_px: int, cells: int) -> Pixels:
    """Return smooth noise of about -1..1, `cells` patches a side."""
    coarse = Image.fromarray((random.random((cells, cells)) * 255).astype(np.uint8))
    smooth = coarse.resize((size_px, size_px), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32)[..., None] / np.float32(127.5) - np.float32(1)


def _background(ground: Background, size_px: int, random: np.random.Generator) -> Pixels:
    rows = np.linspace(0, 1, size_px, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 1, size_px, dtype=np.float32)[None, :, None]
    top, bottom = np.asarray(ground.top, np.float32), np.asarray(ground.bottom, np.float32)
    tilt = np.float32(random.uniform(-0.25, 0.25))
    canvas = top + (bottom - top) * np.clip(rows + tilt * (columns - 0.5), 0, 1)
    if ground.kind == "paper":
        canvas = canvas + 5 * _clouds(random, size_px, 6) + 3 * _clouds(random, size_px, max(8, size_px // 5))
    if ground.kind == "table":
        canvas = _with_table(canvas, ground, rows, size_px, random)
    light = np.hypot(columns - 0.4, rows - 0.32)
    canvas = canvas * (1.03 - 0.13 * light**2) + random.normal(0, 1.1, (size_px, size_px, 1))
    return np.asarray(canvas, np.float32)


def _with_table(
    wall: Pixels, ground: Background, rows: Pixels, size_px: int, random: np.random.Generator
) -> Pixels:
    """Lay a table over the wall's lower part: darker, with a soft back edge and a grain along it."""
    depth = (rows - ground.horizon) / (1 - ground.horizon)
    edge = np.clip((rows - ground.horizon) * size_px + 0.5, 0, 1)
    grain = Image.fromarray((random.random((max(8, size_px // 4), 3)) * 255).astype(np.uint8))
    lines = np.asarray(grain.resize((size_px, size_px), Image.Resampling.BICUBIC), np.float32)[..., None]
    table = np.asarray(ground.bottom, np.float32) * (0.82 + 0.14 * np.clip(depth, 0, 1))
    table = table + (lines - 127.5) / 127.5 * 4
    shade = 0.10 * np.exp(-np.abs(rows - ground.horizon) / 0.025)
    return np.asarray((wall * (1 - edge) + table * edge) * (1 - shade), np.float32)


def _contact_shadow(item: SceneObject, size_px: int) -> Image.Image:
    """Return the flat ellipse under an object that stands on a table."""
    picture = Image.new("L", (size_px, size_px))
    x0, y0, x1, y1 = (edge * size_px for edge in item.box)
    flat = 0.09 * (y1 - y0)
    ImageDraw.Draw(picture).ellipse(
        [x0 + 0.06 * (x1 - x0), y1 - flat, x1 + 0.10 * (x1 - x0), y1 + flat], fill=255
    )
    return picture


def _shadows(plan: Layout, masks: list[Image.Image], size_px: int) -> Pixels:
    """Return how much light the shadows leave at each pixel, 0..1."""
    light = np.ones((size_px, size_px, 1), np.float32)
    for item, mask in zip(plan.objects, masks, strict=True):
        if plan.background.kind == "table":
            light *= 1 - 0.42 * _blurred(_contact_shadow(item, size_px), size_px * 0.010)
        else:
            away = (round(size_px * 0.010), round(size_px * 0.018))
            light *= 1 - 0.30 * _blurred(mask, size_px * 0.018, away)
            light *= 1 - 0.18 * _blurred(mask, size_px * 0.005, (0, round(size_px * 0.004)))
    return light


def _lit(item: SceneObject, mask: Image.Image, size_px: int) -> Pixels:
    """Return the object's colour at each pixel: lighter towards the light, with a soft rounded rim."""
    x0, y0, x1, y1 = item.box
    rows = np.linspace(0, 1, size_px, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 1, size_px, dtype=np.float32)[None, :, None]
    slope = ((columns - x0) / (x1 - x0) + 2 * (rows - y0) / (y1 - y0)) / 3
    step = max(1, round(size_px * 0.006))
    radius = size_px * 0.008
    rim = _blurred(mask, radius, (step, step)) - _blurred(mask, radius, (-step, -step))
    gain = 1.10 - 0.20 * np.clip(slope, 0, 1)
    shine = np.clip(-rim, 0, 1) * 70
    shade = 1 - 0.28 * np.clip(rim, 0, 1)
    return np.asarray(np.asarray(item.rgb, np.float32) * gain * shade + shine, np.float32)


def draw(plan: Layout, size_px: int) -> Image.Image:
    """Draw the scene as an RGB picture of size_px x size_px; the same plan gives the same pixels.

    Raises:
        ValueError: size_px is under 32, where shapes cannot be told apart.
    """
    if size_px < 32:
        raise ValueError(f"size_px {size_px} is too small to tell shapes apart; give 32 or more")
    random = np.random.default_rng([plan.seed, 0xD4A3])
    masks = [_mask(item, size_px) for item in plan.objects]
    canvas = _background(plan.background, size_px, random) * _shadows(plan, masks, size_px)
    for item, mask in zip(plan.objects, masks, strict=True):
        cover = _share(mask)
        canvas = canvas * (1 - cover) + _lit(item, mask, size_px) * cover
    return Image.fromarray(np.clip(canvas + 0.5, 0, 255).astype(np.uint8))
