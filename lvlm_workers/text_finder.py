"""Text that stands in a picture, read by the OCR models that RapidOCR ships in its package."""

import importlib.util
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvlm_workers.picture import shrink_picture
from schemas.boxes import Box
from schemas.errors import ConfigError

MAX_PIXELS = 1_000_000
"""To which a picture is reduced: letters of a thirtieth of its height are then still read."""

_SURE = 0.99
"""Least score of one letter alone, and of large letters.

Wheels and plates are read as `O`, whole scenes of plain shapes as `C` or `+`, mostly at 0.5 to 0.95; words of
large letters score 0.999, with few exceptions. Found on photographs and rendered scenes
(benchmarks/README.md)."""

_LARGE = 0.02  # of the picture's area, a letter

_SETTINGS = {
    "Global.log_level": "critical",  # it warns of every picture without text
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundText:
    """A line of text in a picture.

    Args:
        text: what is written; untrusted.
        box: of the line in 0..1 of the upright picture, upright as well.
        score: how sure the reader is, 0..1.
    """

    text: str
    box: Box
    score: float


class OcrTextFinder:
    """Finds and reads text with PP-OCR models on one thread; they are loaded when they are first needed.

    Chinese and Latin script. Nothing is downloaded: the models lie in the package. Left out is what is no
    writing: lines without a letter or digit, and single or large letters that the reader is not sure of.

    Raises:
        ConfigError: rapidocr or onnxruntime is not installed.
    """

    def __init__(self) -> None:
        for package in ("rapidocr", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                raise ConfigError(
                    f"reading text in pictures needs {package}, which is not installed; "
                    "pip install 'pairwright[ocr]'"
                )
        self._engine: Any = None

    def find(self, picture: bytes) -> tuple[FoundText, ...]:
        """Return the lines of text in a picture, from top to bottom.

        Raises:
            UnreadablePictureError: it cannot be decoded.
        """
        pixels = np.asarray(shrink_picture(picture, MAX_PIXELS))
        found = self._loaded()(np.ascontiguousarray(pixels[:, :, ::-1]))  # it takes blue first
        if found.boxes is None or found.txts is None or found.scores is None:
            return ()
        height, width = pixels.shape[:2]
        corners = np.asarray(found.boxes, np.float64) / (width, height)
        return tuple(
            FoundText(text=text, box=_box(of_line), score=float(score))
            for text, of_line, score in zip(found.txts, corners, found.scores, strict=True)
            if _is_writing(text, of_line, score)
        )

    def close(self) -> None:
        """Let go of the models and their memory."""
        self._engine = None

    def _loaded(self) -> Any:
        if self._engine is None:
            # Since 1.32 onnxruntime tells its maker of its use, unless this is set before it is imported.
            os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
            from rapidocr import RapidOCR

            self._engine = RapidOCR(params=dict(_SETTINGS))
        return self._engine


def _is_writing(text: str, corners: NDArray[np.float64], score: float) -> bool:
    """Return whether a line is what was written, and not a thing that looks like a letter."""
    letters = sum(map(str.isalnum, text))
    x_4, y_4 = corners.T
    area = abs(x_4 @ np.roll(y_4, -1) - y_4 @ np.roll(x_4, -1)) / 2  # of the slanted box: shoelace formula
    return letters > 0 and (score >= _SURE or (letters > 1 and area <= _LARGE * letters))


def _box(corners: NDArray[np.float64]) -> Box:
    """Return the upright box around the corners (4, 2) of a slanted one, cut to the picture."""
    (x0, y0), (x1, y1) = corners.min(axis=0).clip(0, 1).tolist(), corners.max(axis=0).clip(0, 1).tolist()
    return (x0, y0, x1, y1)
