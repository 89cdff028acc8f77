"""Samples whose alt text is printed in their picture, through a whole run: a tiny CLIP of random weights, the
reader as it is."""

import importlib.util
import io
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from transformers import CLIPModel, CLIPProcessor

from pipelines.verify import verify
from schemas.errors import ConfigError

Config = dict[str, Any]
MISSING = [name for name in ("rapidocr", "onnxruntime") if importlib.util.find_spec(name) is None]
needs_ocr = pytest.mark.skipif(bool(MISSING), reason=f"the extra ocr is not installed: no {MISSING}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A sample: what its picture says, and the share of its alt text's words that this is."""

    alt_text: str
    printed: str
    share: float


PLANTED = (
    Planted(alt_text="fresh bread and warm coffee", printed="fresh bread\nand warm coffee", share=1),
    Planted(alt_text="summer sale of garden chairs", printed="SUMMER SALE\nGARDEN CHAIRS", share=1),
    Planted(alt_text="yellow bicycle for rent", printed="Yellow bicycle\nfor rent", share=1),
    Planted(alt_text="winter jackets half price", printed="WINTER JACKETS\nHalf price", share=1),
    Planted(alt_text="silver kitchen knives", printed="", share=0),
    Planted(alt_text="forest bridge in autumn", printed="", share=0),
    Planted(alt_text="paper planet toys", printed="Open today", share=0),  # writing of something else
    Planted(alt_text="green window travel poster", printed="green window", share=0.5),
)


def draw(n: int, printed: str) -> bytes:
    """Return a picture with a shape that is no other's, and writing above it on one colour."""
    random = np.random.default_rng(n)
    ground, shape = (tuple(random.integers(low, low + 60, 3).tolist()) for low in (20, 160))
    picture, out = Image.new("RGB", (320, 240), ground), io.BytesIO()
    corners = [(int(random.integers(20, 300)), int(random.integers(130, 235))) for _ in range(5)]
    ImageDraw.Draw(picture).polygon(corners, fill=shape)
    ImageDraw.Draw(picture).text((20, 15), printed, fill="white", font=ImageFont.load_default(30))
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def config(checkpoint: Path, tmp_path: Path) -> Config:
    (tmp_path / "drawn").mkdir()
    with tarfile.open(tmp_path / "drawn" / "0.tar", "w") as tar:
        for n, sample in enumerate(PLANTED):
            files = {"png": draw(n, sample.printed), "txt": sample.alt_text.encode()}
            for ending, data in files.items():
                member = tarfile.TarInfo(f"{n:03}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return {
        "input": {"shards": f"{tmp_path}/drawn/*.tar"},
        "score": {"clip": {"checkpoint": str(checkpoint), "batch_size": 5}, "ocr": {}, "max_drop_ratio": 1.0},
        "chunk_samples": 5,
    }


def cosines(checkpoint: Path, *, of_writing: bool) -> list[float]:
    """Return the library's own cosines of alt texts with pictures, with their writing or without."""
    model, processor = CLIPModel.from_pretrained(checkpoint), CLIPProcessor.from_pretrained(checkpoint)
    found = []
    for n, sample in enumerate(PLANTED):
        picture = Image.open(io.BytesIO(draw(n, sample.printed if of_writing else "")))
        inputs = processor(text=[sample.alt_text], images=picture, return_tensors="pt", truncation=True)
        with torch.no_grad():
            embedded = model(**inputs)
        found.append(float(embedded.image_embeds[0] @ embedded.text_embeds[0]))
    return found


@needs_ocr
def test_pictures_are_scored_as_if_nothing_had_been_printed(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    run = curate(config, tmp_path / "out")
    scores = {record["alt_text"]: record["scores"] for record in run.records}
    as_they_are, blank = (cosines(checkpoint, of_writing=of_writing) for of_writing in (True, False))
    for sample, came, wanted in zip(PLANTED, as_they_are, blank, strict=True):
        found = scores[sample.alt_text]
        assert found["text_printed"] == sample.share
        assert found["clip_alt"] == pytest.approx(came, abs=1e-5)
        assert found["clip_masked"] == pytest.approx(wanted, abs=1e-5)
        assert (abs(came - wanted) > 1e-4) == bool(sample.printed)  # writing tells in the score
    assert verify(str(run.output)) == []


@needs_ocr
def test_who_goes_for_the_writing_and_why(
    curate: Callable[..., Any], config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    config["score"] |= {"ocr": {"max_printed": 0.5}, "keep": [{"of": "clip_masked", "share": 0.75}]}
    run = curate(config, tmp_path / "out")
    blank = cosines(checkpoint, of_writing=False)
    low, high = sorted(blank)[1:3]  # two of eight go
    assert high - low > 1e-4
    goes = {
        n: ("clip_masked", value) if value <= low else ("text_printed", 1.0)
        for n, (sample, value) in enumerate(zip(PLANTED, blank, strict=True))
        if value <= low or sample.share > 0.5
    }
    found = {int(row["key"]): (row["reason"], float(row["value"])) for row in run.rejected}
    assert sorted(found) == sorted(goes)
    for n, (reason, value) in goes.items():
        assert found[n][0] == reason
        assert found[n][1] == pytest.approx(value, abs=1e-4)
    stays = {sample.alt_text for n, sample in enumerate(PLANTED) if n not in goes}
    assert {record["alt_text"] for record in run.records} == stays
    assert {reason for reason, _ in goes.values()} == {"clip_masked", "text_printed"}
    shutil.rmtree(tmp_path / "out" / "work" / "scores")  # read anew, to the same bytes
    assert curate(config, tmp_path / "out").digests == run.digests


def test_a_missing_reader_is_found_before_anything_starts(
    curate: Callable[..., Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "rapidocr" else find_spec(name)
    )
    with pytest.raises(ConfigError, match=r"needs rapidocr.* pip install 'pairwright\[ocr\]'"):
        curate(config, tmp_path / "out")
    assert not (tmp_path / "out" / "work" / "facts").exists()
