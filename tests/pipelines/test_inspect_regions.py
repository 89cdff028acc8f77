import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor

from pairwright.cli import main
from pipelines.draw_regions import COLOURS
from pipelines.inspect_regions import MAX_PICTURES, check_sheet, write_sheet
from schemas.annotation import Annotation
from schemas.errors import ConfigError
from schemas.facts import Facts
from transforms.publish.plan import plan_output
from transforms.publish.write_shard import Piece, write_output_shard

FIRST = ImageColor.getrgb(COLOURS[0])
REGION = {"box": [0.25, 0.25, 0.75, 0.5], "phrase": "a dog", "score": 0.5, "raw_score": None}
LEFT, TOP = 12, 36
"""Of the first picture on a sheet."""


def photo(orientation: int = 1, size: tuple[int, int] = (200, 100)) -> bytes:
    """Return a JPEG whose upright picture is of this size, grey, with a white corner at the upper left."""
    upright = Image.new("RGB", size, (90, 90, 90))
    upright.paste((255, 255, 255), (0, 0, size[0] // 5, size[1] // 5))
    stored = upright.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    stored.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def write_shard(path: Path, images: Sequence[bytes], regions: Sequence[Mapping[str, Any]] = (REGION,)) -> str:
    pieces = []
    for n, image in enumerate(images):
        facts = Facts(
            index=n, uid=f"uid{n}", key=f"k{n}", alt_text="my dog", sha256=hashlib.sha256(image).digest(),
            format="jpeg", mode="RGB", width=200, height=100, frames=1, language="en", words=2,
            colour_shares=(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        )  # fmt: skip
        annotation = Annotation(
            index=n, uid=facts.uid, fields={"regions": [dict(region) for region in regions]}
        )
        pieces.append(Piece(facts=facts, shard_name="in.tar", annotations=[annotation], image=image))
    (plan,) = plan_output([len(pieces)], len(pieces))
    write_output_shard(plan, pieces, str(path))
    return str(path)


def columns_of(sheet: Image.Image, y: int) -> list[int]:
    row = np.asarray(sheet.convert("RGB"))[TOP + y, LEFT:].astype(int)
    return np.flatnonzero((abs(row - FIRST) <= 2).all(axis=1)).tolist()


@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_lie_in_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    shard = write_shard(tmp_path / "0.tar", [photo(orientation)])
    out = tmp_path / "sheet.png"
    (line, *_) = write_sheet(shard, str(out), 5)
    assert line.startswith("regions     1 in 1 pictures:")
    sheet = Image.open(io.BytesIO(out.read_bytes()))
    assert (sheet.format, sheet.size) == ("PNG", (512 + 24, 12 + 24 + 256 + 12))
    assert columns_of(sheet, 100) == [128, 129, 130, 381, 382, 383]  # of 512, and rows 64 to 127 of 256
    assert columns_of(sheet, 64) == columns_of(sheet, 127) == list(range(128, 384))
    assert columns_of(sheet, 128) == []
    corner, ground = sheet.getpixel((LEFT + 20, TOP + 20)), sheet.getpixel((LEFT + 256, TOP + 90))
    assert corner == pytest.approx((255, 255, 255), abs=6)
    assert ground == pytest.approx((90, 90, 90), abs=6)


def test_the_first_samples_of_a_run_in_both_kinds_of_tar(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    images = [photo(size=(200, 100 + n)) for n in range(5)]
    path = Path(write_shard(tmp_path / "shards" / "00000.tar", images))
    (tmp_path / "run.json").write_text("{}")
    packed = tmp_path / "0.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    out = tmp_path / "sheet.png"
    sheets = []
    for source in (tmp_path, path, packed):
        lines = list(write_sheet(str(source), str(out), 4))
        assert lines[0].startswith("regions     4 in 4 pictures:")
        sheets.append(out.read_bytes())
    assert len(set(sheets)) == 1


def test_no_more_than_a_sheet_holds(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "0.tar", [photo(size=(30, 20 + n)) for n in range(MAX_PICTURES + 2)])
    lines = list(write_sheet(shard, str(tmp_path / "sheet.png"), 100))
    assert lines[0].startswith(f"regions     {MAX_PICTURES} in {MAX_PICTURES} pictures:")


def test_what_cannot_be_drawn_is_told(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    shard = write_shard(tmp_path / "0.tar", [b"no picture", photo()])
    lines = list(write_sheet(shard, str(out), 5))
    assert lines[0].startswith("problem     000000000: the picture cannot be decoded")
    assert lines[1].startswith("regions     1 in 1 pictures:")
    out.unlink()
    for nothing in (b"", b"x" * 600, Path(shard).read_bytes()[:700]):
        (tmp_path / "x.tar").write_bytes(nothing)
        with pytest.raises(ConfigError, match=r"is not written: no pictures of ours are in .*x\.tar; give"):
            list(write_sheet(str(tmp_path / "x.tar"), str(out), 5))
    assert not out.exists()


def test_a_run_without_regions_has_no_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard, out = (
        write_shard(tmp_path / "0.tar", [photo(), photo(size=(99, 98))], regions=()),
        tmp_path / "s.png",
    )
    assert main(["inspect", shard, "--regions", str(out)]) == 2
    told = capsys.readouterr()
    assert (told.out, out.exists()) == ("", False)
    assert told.err == (
        f"pairwright: --regions {out} is not written: the samples looked at have no regions; run a "
        "recipe that writes them (docs/regions.md), or look further with --limit 12\n"
    )


def test_where_a_sheet_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_sheet("sheet.png")
    check_sheet(str(tmp_path / "SHEET.PNG"))
    with pytest.raises(ConfigError, match="does not end in .png"):
        check_sheet("photo.jpg")
    with pytest.raises(ConfigError, match="folder is not there"):
        check_sheet("none/sheet.png")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard, out = write_shard(tmp_path / "0.tar", [photo()]), tmp_path / "sheet.png"
    assert main(["inspect", shard, "--regions", str(out)]) == 0
    told = capsys.readouterr().out
    assert "region      (0.25, 0.25, 0.75, 0.50) a dog 0.50" in told
    assert "regions     1 in 1 pictures:" in told
    assert Image.open(io.BytesIO(out.read_bytes())).size == (536, 304)
    assert main(["inspect", shard, "--regions", "x.jpg"]) == 2
