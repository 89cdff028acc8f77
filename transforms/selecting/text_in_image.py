"""Tell pictures that match their text only because it is written in them.

T-MARS (Maini et al. 2024, arXiv 2307.03132): text in the picture is painted over with the colour around it,
and the sample is judged by the cosine of what is left. A picture that mostly shows its own alt text then
scores low, and one that shows the thing itself keeps its score.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lvlm_workers.clip_scorer import Scored
from lvlm_workers.picture import UnreadablePictureError, shrink_picture
from lvlm_workers.text_finder import FoundText
from recipes.hygiene import words_of
from recipes.wording.english import FUNCTION_WORDS
from schemas.boxes import Box

MAX_PIXELS = 4_000_000
"""To which a picture is reduced before it is painted over."""

_RING = 0.25  # of a box's shorter side: so far around it is the colour taken from
_RUN_TOGETHER = 4  # letters of a word that may be found in a line whose spaces were not read


class TextFinder(Protocol):
    """What is asked of `lvlm_workers.text_finder.OcrTextFinder`."""

    def find(self, picture: bytes) -> tuple[FoundText, ...]: ...


class PictureScorer(Protocol):
    """What is asked of `lvlm_workers.clip_scorer.ClipScorer`."""

    def score(self, pictures: Sequence[bytes], texts: Sequence[Sequence[str]]) -> list[Scored]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInImage:
    """What text in a picture has to do with the picture's text.

    Args:
        masked: the cosine of the text with the picture without its writing; None where there is nothing to
            read in the text, or no picture.
        printed: share of the text's words that stand in the picture.
        lines: of writing in the picture.
        reason: why there is no picture.
    """

    masked: float | None
    printed: float
    lines: int
    reason: str | None = None


def measure_text_in_image(
    pictures: Sequence[bytes], texts: Sequence[str], finder: TextFinder, scorer: PictureScorer
) -> list[TextInImage]:
    """Return for each picture what its writing has to do with its text.

    A picture without writing is scored as it came.
    """
    found: list[tuple[FoundText, ...]] = []
    masked: list[bytes] = []
    for picture in pictures:
        try:
            lines = finder.find(picture)
            masked.append(mask_text(picture, [line.box for line in lines]))
            found.append(lines)
        except UnreadablePictureError:
            masked.append(picture)
            found.append(())
    scored = scorer.score(masked, [(text,) for text in texts])
    return [
        TextInImage(
            masked=one.cosine_K[0],
            printed=printed_share([line.text for line in lines], text),
            lines=len(lines),
            reason=one.reason,
        )
        for one, lines, text in zip(scored, found, texts, strict=True)
    ]


def printed_share(lines: Sequence[str], text: str) -> float:
    """Return the share of a text's distinct words that stand in lines read from its picture, 0..1.

    Words such as `the` do not count. Longer ones also count where spaces were not read.

    >>> printed_share(["SUMMER SALE", "50% off"], "The summer sale of a shop")
    0.6666666666666666
    """
    asked = {word for word in words_of(text) if word not in FUNCTION_WORDS}
    read = [words_of(line) for line in lines]
    words, run_together = {word for line in read for word in line}, ["".join(line) for line in read]
    printed = sum(
        word in words or (len(word) >= _RUN_TOGETHER and any(word in line for line in run_together))
        for word in asked
    )
    return printed / len(asked) if asked else 0.0


def mask_text(picture: bytes, boxes: Sequence[Box]) -> bytes:
    """Return the picture with its boxes painted over; as it came where there are none, else as PNG.

    Raises:
        UnreadablePictureError: it cannot be decoded.
    """
    if not boxes:
        return picture
    painted = Image.fromarray(paint_over(np.asarray(shrink_picture(picture, MAX_PIXELS)), boxes))
    out = io.BytesIO()
    painted.save(out, "PNG", compress_level=1)
    return out.getvalue()


def paint_over(pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """Return pixels (H, W, 3) with each box in the mean colour of what lies around it and in no box.

    Where nothing does, of the whole picture outside the boxes; of all of it where they cover it.

    Args:
        boxes: in 0..1.
    """
    height, width = pixels.shape[:2]
    places = [_pixels_of(box, width, height) for box in boxes]
    is_free = np.ones((height, width), bool)
    for x0, y0, x1, y1 in places:
        is_free[y0:y1, x0:x1] = False
    elsewhere = pixels[is_free] if is_free.any() else pixels.reshape(-1, 3)
    mean = elsewhere.mean(axis=0)
    painted = pixels.copy()
    for x0, y0, x1, y1 in places:
        ring = max(1, math.ceil(_RING * min(x1 - x0, y1 - y0)))
        near = np.s_[max(0, y0 - ring) : y1 + ring, max(0, x0 - ring) : x1 + ring]
        around = pixels[near][is_free[near]]
        painted[y0:y1, x0:x1] = np.rint(around.mean(axis=0) if len(around) else mean)
    return painted


def _pixels_of(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return all pixels that a box touches."""
    x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in box)
    return (
        math.floor(x0 * width),
        math.floor(y0 * height),
        math.ceil(x1 * width),
        math.ceil(y1 * height),
    )
