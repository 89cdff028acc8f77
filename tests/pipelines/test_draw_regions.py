import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from pipelines.draw_regions import COLOURS, SIDE_PX, draw_regions, make_sheet
from schemas.boxes import Box
from schemas.regions import Region

GROUND = (200, 201, 202)
FIRST, SECOND = (ImageColor.getrgb(colour) for colour in COLOURS[:2])


def region(box: Box, phrase: str = "x", score: float | None = None) -> Region:
    return Region(box=box, phrase=phrase, score=score)


def drawn(*regions: Region, size: tuple[int, int] = (256, 192)) -> Image.Image:
    return draw_regions(Image.new("RGB", size, GROUND), regions)


def lines_of(picture: Image.Image, colour: tuple[int, ...], y: int) -> list[int]:
    """Return the columns of a row that have a colour."""
    return np.flatnonzero((np.asarray(picture)[y] == colour).all(axis=1)).tolist()


def test_edges_lie_where_the_box_says() -> None:
    picture = drawn(region((0.25, 0.5, 0.75, 0.875)))
    assert picture.size == (512, 384)
    assert lines_of(picture, FIRST, 250) == [128, 129, 130, 381, 382, 383]
    turned = picture.transpose(Image.Transpose.TRANSPOSE)
    assert lines_of(turned, FIRST, 300) == [192, 193, 194, 333, 334, 335]
    assert picture.getpixel((256, 260)) == GROUND


def test_the_whole_picture_and_a_box_without_a_pixel() -> None:
    assert lines_of(drawn(region((0, 0, 1, 1))), FIRST, 200) == [0, 1, 2, 509, 510, 511]
    dot = drawn(region((0.999, 0.999, 0.9991, 0.9991)))
    assert dot.getpixel((511, 383)) in (FIRST, (0, 0, 0))


def test_the_first_region_lies_on_top_and_each_has_its_colour() -> None:
    same = (0.25, 0.25, 0.75, 0.75)
    picture = drawn(region(same), region(same), region((0.1, 0.9, 0.9, 0.99)))
    assert lines_of(picture, FIRST, 200) == [128, 129, 130, 381, 382, 383]
    assert lines_of(picture, SECOND, 200) == []
    assert len(set(COLOURS)) == len(COLOURS)


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.02, 0.02), (0.98, 0.98, 1.0, 1.0), (0.9, 0.0, 1.0, 0.04)])
def test_a_label_lies_within_the_picture(box: Box) -> None:
    wide = drawn(region(box, "a rather long phrase about it", 0.75))
    filled = (np.asarray(wide) == FIRST).all(axis=2)
    assert filled.sum() > 150 * 10  # the ground of the label
    rows, columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    assert columns[-1] - columns[0] > 150
    assert rows[-1] - rows[0] >= 12
    frame = np.asarray(wide)
    for edge in (frame[0], frame[-1], frame[:, 0], frame[:, -1]):
        assert set(map(tuple, edge.tolist())) <= {GROUND, FIRST, (0, 0, 0)}  # no letter is cut


def test_labels_keep_off_one_another_where_there_is_room() -> None:
    box = (0.3, 0.3, 0.6, 0.6)
    picture = np.asarray(drawn(*[region(box, f"thing {n}", 0.5) for n in range(4)]))
    for colour in COLOURS[:4]:
        seen = (picture == ImageColor.getrgb(colour)).all(axis=2).sum()
        assert seen > 800, colour  # a label of about 66 x 18, less its letters


@pytest.mark.parametrize(
    "phrase",
    [
        "\u732b\u3068\u72ac", "\u0643\u0644\u0628", "\U0001f98a", "\ud800", "a\x1b[31m\nb", "e\u0301" * 300,
        "x" * 100_000, " ",
    ],
    ids=["han", "arabic", "emoji", "surrogate", "control", "marks", "long", "blank"],
)  # fmt: skip
def test_any_phrase_is_drawn(phrase: str) -> None:
    assert drawn(region((0.2, 0.2, 0.8, 0.8), phrase, 0.5)) != drawn(region((0.2, 0.2, 0.8, 0.8), "y", 0.5))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (32, 32), (4000, 3000)])
def test_any_size_is_drawn(size: tuple[int, int]) -> None:
    picture = drawn(region((0.1, 0.1, 0.5, 0.9), "a dog", 0.5), size=size)
    assert max(picture.size) == SIDE_PX


_SIDE = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_SIDE, _SIDE, _SIDE, _SIDE), max_size=5), st.integers(1, 40), st.integers(1, 40))
def test_any_box_is_drawn(corners: list[Box], wide: int, high: int) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    regions = [region(box, "a dog", 0.5) for box in boxes]
    assert drawn(*regions, size=(wide, high)).tobytes() == drawn(*regions, size=(wide, high)).tobytes()


def test_a_sheet_has_rows_of_three_and_titles() -> None:
    pictures = [Image.new("RGB", (512, 100 + n), (n, 0, 0)) for n in range(4)]
    sheet = make_sheet([(f"picture {n}", picture) for n, picture in enumerate(pictures)])
    assert sheet.size == (3 * 524 + 12, 12 + (102 + 24 + 12) + (103 + 24 + 12))
    for n, (x, y) in enumerate([(12, 36), (536, 36), (1060, 36), (12, 174)]):
        assert sheet.getpixel((x, y)) == (n, 0, 0)
        assert sheet.getpixel((x + 511, y + 99 + n)) == (n, 0, 0)
        title = np.asarray(sheet.crop((x, y - 22, x + 90, y)))
        assert (title.min(axis=2) < 100).sum() > 20
    assert sheet.getpixel((600, 200)) == sheet.getpixel((1, 1)) == (244, 244, 244)
    assert make_sheet([("\ud800" * 5000, pictures[0])]).size == (536, 12 + 100 + 24 + 12)
