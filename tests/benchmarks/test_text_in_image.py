import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.text_in_image import came_row, came_table, printed_cell, printed_table
from benchmarks.text_in_image_sets import WORDS, Printed, print_words
from lvlm_workers.text_finder import FoundText


def jpeg(width: int, height: int, colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


class Finder:
    """Finds the same in every picture."""

    def __init__(self, *lines: tuple[str, tuple[float, float, float, float]]) -> None:
        self._lines = tuple(FoundText(text=text, box=box, score=1.0) for text, box in lines)

    def find(self, picture: bytes) -> tuple[FoundText, ...]:
        return self._lines


@pytest.mark.parametrize(("contrast", "level"), [(1.0, 255), (0.4, 60 + 0.4 * 195)])
def test_words_are_printed_in_their_size_and_contrast(contrast: float, level: float) -> None:
    printed = print_words(jpeg(400, 300, "#3c3c3c"), 3, share=1 / 10, contrast=contrast, plain=False)
    words = printed.text.split()
    assert len(set(words)) == 3
    assert set(words) <= set(WORDS)
    pixels = np.asarray(Image.open(io.BytesIO(printed.image)).convert("L")).astype(float)
    assert pixels.shape == printed.ink.shape == (300, 400)
    assert np.median(pixels[printed.ink]) == pytest.approx(level, abs=12)
    assert np.median(pixels[~printed.ink]) == pytest.approx(60, abs=2)
    rows = np.flatnonzero(printed.ink.any(axis=1))
    assert 60 < rows[-1] - rows[0] < 120  # three lines of 30 px
    again = print_words(jpeg(400, 300, "#3c3c3c"), 3, share=1 / 10, contrast=contrast, plain=False)
    assert again.image == printed.image


def test_a_plain_ground_is_the_mean_of_what_was_there() -> None:
    halves = Image.new("RGB", (300, 300), "black")
    halves.paste("white", (150, 0, 300, 300))
    out = io.BytesIO()
    halves.save(out, "PNG")
    printed = print_words(out.getvalue(), 0, share=1 / 4, contrast=0.0, plain=True)
    pixels = np.asarray(Image.open(io.BytesIO(printed.image)).convert("L"))
    rows, columns = np.nonzero(printed.ink)
    patch = pixels[rows.min() : rows.max(), columns.min() : columns.max()]
    assert 40 < patch.mean() < 215  # both halves lie below it
    assert patch.std() < 8


def test_read_and_covered() -> None:
    ink = np.zeros((10, 20), bool)
    ink[2:4, 0:10] = True  # half of it in the left quarter, half of the rest in row 3
    printed = [Printed(image=b"", text="summer\ngarden chairs", ink=ink)]
    assert printed_cell(printed, Finder(("SUMMER sale", (0, 0, 0.25, 1)))) == pytest.approx((1 / 3, 0.5))
    both = Finder(("summer garden", (0, 0, 0.25, 1)), ("chairs", (0.25, 0.3, 1, 0.75)))
    assert printed_cell(printed, both) == pytest.approx((1, 0.75))
    assert printed_cell(printed, Finder()) == (0, 0)


def test_what_is_read_where_nothing_was_printed() -> None:
    pictures = [(b"", "a red stop sign"), (b"", "red stop"), (b"", "")]
    assert came_row(pictures, Finder(("RED STOP", (0, 0, 0.5, 0.5)))) == ("3", "3", "3", "2")
    assert came_row(pictures, Finder(("STOP", (0, 0, 0.5, 0.2)))) == ("3", "3", "0", "0")
    assert came_row(pictures, Finder()) == ("3", "0", "0", "0")


def test_tables() -> None:
    rows = [row.split(" | ") for row in printed_table([jpeg(200, 200, "gray")], Finder())]
    assert [len(row) for row in rows] == [4] * 5
    assert rows[-1] == ["1/45"] + ["0.000 / 0.000"] * 3
    came = list(came_table([(b"", "a dog")], 2, Finder()))
    assert came[1:] == ["coco_open | 1 | 0 | 0 | 0", "scenes | 2 | 0 | 0 | 0"]
