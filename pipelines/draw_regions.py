"""Draws regions on pictures, and pictures on a sheet."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from schemas.boxes import Box
from schemas.regions import Region
from transforms.publish.plain_text import plain_text

SIDE_PX = 512
"""Of a drawn picture, the longer one: small ones are enlarged, so that phrases can be read."""
COLUMNS = 3
"""Pictures in a row of a sheet."""
LINE_PX = 3

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
"""Of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/): seven that colour-blind people tell apart."""

_GROUND, _INK = "#f4f4f4", "#000000"
_TEXT_PX = 13
_TITLE_PX = 24
_GAP_PX = 12
_MAX_CHARS = 200
_Place = tuple[float, float, float, float]


def draw_regions(picture: Image.Image, regions: Sequence[Region]) -> Image.Image:
    """Return an upright RGB picture with boxes, phrases and scores, the first regions on top.

    Its longer side becomes 512 px. Lines lie within their boxes. Phrases lie within the picture and, where
    there is room, beside one another; characters that the font lacks are drawn as empty frames.
    """
    scale = SIDE_PX / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    drawn = picture.resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(drawn)
    boxes = [_pixels(region.box, size) for region in regions]
    for n in reversed(range(len(boxes))):
        x0, y0, x1, y1 = boxes[n]
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=COLOURS[n % len(COLOURS)], width=LINE_PX)
        if min(x1 - x0, y1 - y0) > 2 * LINE_PX + 2:
            inner = (x0 + LINE_PX, y0 + LINE_PX, x1 - 1 - LINE_PX, y1 - 1 - LINE_PX)
            pen.rectangle(inner, outline=_INK)
    taken: list[_Place] = []
    for n, (box, region) in enumerate(zip(boxes, regions, strict=True)):
        taken.append(_write_label(pen, box, _label(region), COLOURS[n % len(COLOURS)], size, taken))
    return drawn


def make_sheet(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Return drawn pictures in rows of three, each under its title.

    Raises:
        ValueError: there is no picture.
    """
    rows = [pictures[n : n + COLUMNS] for n in range(0, len(pictures), COLUMNS)]
    heights = [max(picture.height for _, picture in row) + _TITLE_PX + _GAP_PX for row in rows]
    width = max(len(row) for row in rows) * (SIDE_PX + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, sum(heights) + _GAP_PX), _GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT_PX)
    for row_number, row in enumerate(rows):
        y = _GAP_PX + sum(heights[:row_number])
        for column, (title, picture) in enumerate(row):
            x = _GAP_PX + column * (SIDE_PX + _GAP_PX)
            pen.text((x, y + 4), _cut(pen, plain_text(title), SIDE_PX), _INK, font)
            sheet.paste(picture, (x, y + _TITLE_PX))
    return sheet


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box in whole pixels of the picture, one at least; the far sides are exclusive."""
    (wide, high), (x0, y0, x1, y1) = size, box
    left, top = min(wide - 1, round(x0 * wide)), min(high - 1, round(y0 * high))
    return left, top, max(left + 1, round(x1 * wide)), max(top + 1, round(y1 * high))


def _label(region: Region) -> str:
    score = "" if region.score is None else f" {region.score:.2f}"
    return plain_text(region.phrase[:_MAX_CHARS]) + score


def _write_label(
    pen: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    text: str,
    colour: str,
    size: tuple[int, int],
    taken: Sequence[_Place],
) -> _Place:
    """Write at the corner of the box where the fewest pixels of other labels are, and return where."""
    text = _cut(pen, text, size[0] - 6)
    font = ImageFont.load_default(_TEXT_PX)
    wide, high = pen.textlength(text, font) + 6, _TEXT_PX + 5
    x0, y0, x1, y1 = box
    corners = ((x0, y0 - high), (x0, y0), (x0, y1), (x1 - wide, y1), (x1 - wide, y0 - high), (x0, y1 - high))
    places = [_placed(x, y, wide, high, size) for x, y in corners]
    place = min(places, key=lambda one: sum(_shared(one, other) for other in taken))
    pen.rectangle(place, fill=colour, outline=_INK)
    pen.text((place[0] + 3, place[1] + 2), text, "#ffffff" if _is_dark(colour) else _INK, font)
    return place


def _placed(x: float, y: float, wide: float, high: float, size: tuple[int, int]) -> _Place:
    left, top = max(0.0, min(x, size[0] - wide)), max(0.0, min(y, size[1] - high))
    return left, top, left + wide - 1, top + high - 1


def _shared(one: _Place, other: _Place) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def _is_dark(colour: str) -> bool:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


def _cut(pen: ImageDraw.ImageDraw, text: str, width_px: float) -> str:
    """Return what of a text has room in one line."""
    font = ImageFont.load_default(_TEXT_PX)
    if pen.textlength(text[:_MAX_CHARS], font) <= width_px and len(text) <= _MAX_CHARS:
        return text
    text = text[:_MAX_CHARS]
    while text and pen.textlength(f"{text}...", font) > width_px:
        text = text[:-1]
    return f"{text}..."
