import importlib.util
import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from lvlm_workers.clip_scorer import Scored
from lvlm_workers.picture import UnreadablePictureError, decode_picture
from lvlm_workers.text_finder import FoundText, OcrTextFinder
from transforms.selecting.text_in_image import (
    TextInImage,
    mask_text,
    measure_text_in_image,
    paint_over,
    printed_share,
)

Box = tuple[float, float, float, float]
MISSING = [name for name in ("rapidocr", "onnxruntime") if importlib.util.find_spec(name) is None]
needs_ocr = pytest.mark.skipif(bool(MISSING), reason=f"the extra ocr is not installed: no {MISSING}")


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_a_sign_is_painted_in_the_colour_around_it() -> None:
    picture = Image.new("RGB", (100, 50), (10, 20, 30))
    ImageDraw.Draw(picture).rectangle((20, 10, 59, 29), fill="white")  # 40 x 20 pixels of writing
    painted = decode_picture(mask_text(png(picture), [(0.2, 0.2, 0.6, 0.6)]), 10_000)
    assert painted.getcolors() == [(5000, (10, 20, 30))]


def test_the_colour_is_the_mean_of_what_is_near_and_in_no_box() -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 200
    pixels[1:3, 2:6] = 77
    pixels[:, 7] = 255  # two pixels from the box, and so not near
    painted = paint_over(pixels, [(0.25, 0.25, 0.75, 0.75)])
    assert (painted[1:3, 2:6] == 100).all()  # as many zeros as 200s around
    outside = np.ones((4, 8), bool)
    outside[1:3, 2:6] = False
    assert np.array_equal(painted[outside], pixels[outside])
    # A box beside it covers the right half, whose colour then does not count.
    both = paint_over(pixels, [(0.25, 0.25, 0.75, 0.75), (0.5, 0.0, 1.0, 1.0)])
    assert (both[:, 2:6][1:3] == 0).all()
    assert (paint_over(pixels, [(0, 0, 1, 1)]) == np.rint(pixels.reshape(-1, 3).mean(axis=0))).all()


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.floats(-2, 3)] * 4), max_size=4))
def test_any_box_leaves_a_picture(boxes: list[Box]) -> None:
    upright = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes]
    pixels = np.full((5, 7, 3), 9, np.uint8)
    assert np.array_equal(paint_over(pixels, upright), pixels)


def test_share_of_words_that_are_printed() -> None:
    assert printed_share(["BIG SALE"], "big sale") == 1
    assert printed_share(["BIGSUMMERSALE"], "the big summer sale at Smith's") == 0.5  # big is too short
    assert printed_share([], "a dog") == 0
    assert printed_share(["the"], "the of and") == 0  # nothing that counts
    assert printed_share(["x"], "") == 0


@needs_ocr
def test_without_what_is_read_the_picture_is_as_before_the_print() -> None:
    blank = Image.new("RGB", (480, 320), "#305070")
    ImageDraw.Draw(blank).polygon([(100, 300), (240, 180), (380, 300)], fill="#e0c040")
    printed = blank.copy()
    ImageDraw.Draw(printed).text((40, 30), "SUMMER SALE", fill="white", font=ImageFont.load_default(40))
    lines = OcrTextFinder().find(png(printed))
    assert printed_share([line.text for line in lines], "summer sale of chairs") == pytest.approx(2 / 3)
    painted = decode_picture(mask_text(png(printed), [line.box for line in lines]), 1_000_000)
    assert np.array_equal(np.asarray(painted), np.asarray(blank))


class Finder:
    """Finds what it was told of a picture's size."""

    def __init__(self, lines: dict[int, tuple[FoundText, ...]]) -> None:
        self._lines = lines

    def find(self, picture: bytes) -> tuple[FoundText, ...]:
        if picture == b"broken":
            raise UnreadablePictureError("the picture cannot be decoded")
        return self._lines.get(len(picture), ())


class Scorer:
    """Scores a picture by its brightness."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def score(self, pictures: Sequence[bytes], texts: Sequence[Sequence[str]]) -> list[Scored]:
        self.seen += pictures
        return [self._score(picture, of_one) for picture, of_one in zip(pictures, texts, strict=True)]

    def _score(self, picture: bytes, texts: Sequence[str]) -> Scored:
        assert len(texts) == 1
        nothing = np.empty((0, 0), np.float32)
        if picture == b"broken":
            return Scored(image_E=None, text_KE=nothing, cosine_K=(None,), reason="cannot be decoded")
        bright = float(np.asarray(decode_picture(picture, 10_000)).mean()) / 255
        return Scored(image_E=np.ones(1, np.float32), text_KE=nothing, cosine_K=(bright,))


def test_measures_what_is_left_without_the_writing() -> None:
    sign = Image.new("RGB", (20, 10), "black")
    ImageDraw.Draw(sign).rectangle((0, 0, 9, 9), fill="white")
    written, plain = png(sign), png(Image.new("RGB", (30, 30), "white"))
    line = FoundText(text="Sale", box=(0, 0, 0.5, 1), score=0.9)
    scorer = Scorer()
    found = measure_text_in_image(
        [written, plain, b"broken"],
        ["a big sale", "a sale", "a dog"],
        Finder({len(written): (line,)}),
        scorer,
    )
    assert found == [
        TextInImage(masked=0.0, printed=0.5, lines=1),  # the white half was its brightness
        TextInImage(masked=1.0, printed=0.0, lines=0),
        TextInImage(masked=None, printed=0.0, lines=0, reason="cannot be decoded"),
    ]
    assert scorer.seen[1:] == [plain, b"broken"]  # no writing: as it came


def test_a_picture_that_cannot_be_decoded() -> None:
    assert mask_text(b"broken", []) == b"broken"
    with pytest.raises(UnreadablePictureError):
        mask_text(b"broken", [(0, 0, 1, 1)])
