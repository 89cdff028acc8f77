import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lvlm_workers.picture import UnreadablePictureError
from lvlm_workers.text_finder import FoundText, OcrTextFinder
from schemas.errors import ConfigError

MISSING = [name for name in ("rapidocr", "onnxruntime") if importlib.util.find_spec(name) is None]
needs_ocr = pytest.mark.skipif(bool(MISSING), reason=f"the extra ocr is not installed: no {MISSING}")


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def sign(*lines: str) -> Image.Image:
    picture = Image.new("RGB", (640, 480), "#8090a0")
    for n, line in enumerate(lines):
        place = 100, 120 + 160 * n
        ImageDraw.Draw(picture).text(place, line, fill="white", font=ImageFont.load_default(36))
    return picture


@needs_ocr
def test_reads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    finder = OcrTextFinder()
    first, second = finder.find(png(sign("SUMMER SALE", "two dogs")))
    assert (first.text, second.text) == ("SUMMER SALE", "two dogs")
    left, top, right, bottom = ImageDraw.Draw(sign()).textbbox(
        (100, 120), "SUMMER SALE", font=ImageFont.load_default(36)
    )
    expected = left / 640, top / 480, right / 640, bottom / 480
    assert first.box == pytest.approx(expected, abs=0.03)
    assert 0.8 < first.score <= 1
    assert finder.find(png(sign())) == ()
    finder.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # it tells nobody of its use


@needs_ocr
@pytest.mark.parametrize(
    ("size_px", "ink", "ground"),
    [
        (12, "black", "white"),
        (20, "#98a8b8", "#8090a0"),
        (48, "#202020", "#c0a040"),
        (90, "white", "#c02020"),
    ],
)
def test_reads_letters_of_any_size_and_contrast(size_px: int, ink: str, ground: str) -> None:
    blank = Image.new("RGB", (640, 480), ground)
    printed, font = blank.copy(), ImageFont.load_default(size_px)
    ImageDraw.Draw(printed).multiline_text(
        (30, 40), "garden chairs\nof wood", fill=ink, font=font, spacing=20
    )
    found = OcrTextFinder().find(png(printed))
    assert [line.text for line in found] == ["garden chairs", "of wood"]
    is_ink = (np.asarray(printed) != np.asarray(blank)).any(axis=2)
    for line in found:
        left, top, right, bottom = np.rint(np.array(line.box) * (640, 480, 640, 480)).astype(int)
        is_ink[top:bottom, left:right] = False
    assert not is_ink.any()  # the boxes hold every dot of it


@needs_ocr
def test_plain_shapes_are_no_writing() -> None:
    picture = Image.new("RGB", (640, 480), "#8090a0")
    ImageDraw.Draw(picture).ellipse((384, 288, 576, 432), fill="red")  # by itself read as "O"
    assert OcrTextFinder().find(png(picture)) == ()


@needs_ocr
def test_boxes_are_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    out = io.BytesIO()
    sign("SUMMER SALE").transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif)
    (found,) = OcrTextFinder().find(out.getvalue())
    assert found.text == "SUMMER SALE"
    assert found.box == pytest.approx((100 / 640, 125 / 480, 355 / 640, 155 / 480), abs=0.05)


def given(monkeypatch: pytest.MonkeyPatch, result: Any) -> list[np.ndarray]:
    """Put an engine in rapidocr's place that finds `result`; return what it is shown."""
    shown: list[np.ndarray] = []

    def make(params: dict[str, Any]) -> Any:
        assert params["EngineConfig.onnxruntime.intra_op_num_threads"] == 1
        return lambda pixels: shown.append(pixels) or result

    module = ModuleType("rapidocr")
    module.RapidOCR = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rapidocr", module)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    return shown


def test_makes_boxes_of_corners(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = [[[20, -2], [110, 10], [100, 30], [10, 20]], [[0, 0], [1, 0], [1, 1], [0, 1]]]
    result = SimpleNamespace(boxes=np.array(corners), txts=("Sale", " "), scores=(0.995, 0.9))
    shown = given(monkeypatch, result)
    finder = OcrTextFinder()
    found = finder.find(png(Image.new("RGB", (100, 50), (255, 0, 0))))
    assert found == (FoundText(text="Sale", box=(0.1, 0.0, 1.0, 0.6), score=0.995),)
    assert shown[0].shape == (50, 100, 3)
    assert shown[0][0, 0].tolist() == [0, 0, 255]  # blue first
    with pytest.raises(UnreadablePictureError):
        finder.find(b"broken")


@pytest.mark.parametrize(
    ("text", "score", "side_px", "is_writing"),
    [
        ("O", 0.9, 5, False),  # one letter
        ("O", 0.99, 90, True),
        ("No", 0.5, 19, True),  # two, 1.8 % of the picture each
        ("No", 0.98, 21, False),  # 2.2 %
        ("No", 0.99, 90, True),
        ("N.", 0.98, 5, False),
        ("\u2605 +", 1.0, 5, False),
        ("\u5927\u58f2", 0.5, 5, True),
    ],
)
def test_what_only_looks_like_letters(
    monkeypatch: pytest.MonkeyPatch, text: str, score: float, side_px: int, is_writing: bool
) -> None:
    middle, half = 50, side_px / np.sqrt(2)
    corners = [(middle, 50 - half), (middle + half, 50), (middle, 50 + half), (middle - half, 50)]  # slanted
    given(monkeypatch, SimpleNamespace(boxes=np.array([corners]), txts=(text,), scores=(score,)))
    found = OcrTextFinder().find(png(Image.new("RGB", (100, 100))))
    assert [line.text for line in found] == [text] * is_writing


def test_nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, SimpleNamespace(boxes=None, txts=None, scores=None))
    assert OcrTextFinder().find(png(Image.new("RGB", (10, 10)))) == ()


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"rapidocr.*pip install 'pairwright\[ocr\]'"):
        OcrTextFinder()
