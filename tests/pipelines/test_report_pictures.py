import io

import pytest
from PIL import Image

from dataset_cards.report_text import Allowance
from pipelines.report_pictures import reduced_picture


def _room(left: int = 10**6) -> Allowance:
    return Allowance(left=left, parts=1)


def test_pictures_are_upright_and_small() -> None:
    turned = Image.new("RGB", (900, 600), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif)
    shown = reduced_picture(out.getvalue(), _room(), max_pixels=10**6)
    assert (shown.width, shown.height) == (256, 384)
    room = _room()
    shown = reduced_picture(out.getvalue(), room, max_pixels=10**6)
    assert room.left == 10**6 - len(shown.uri or "")


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"", "the picture cannot be decoded"),
        (b"\xff\xd8\xff\xe0 no jpeg", "the picture cannot be decoded"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the picture cannot be decoded"),
    ],
)
def test_what_is_no_picture_has_a_placeholder(data: bytes, note: str) -> None:
    shown = reduced_picture(data, _room(), max_pixels=100)
    assert (shown.uri, shown.note) == (None, note)


def test_large_and_homeless_pictures_have_a_placeholder() -> None:
    out = io.BytesIO()
    Image.effect_noise((60, 50), 90).save(out, "PNG")
    assert (
        reduced_picture(out.getvalue(), _room(), max_pixels=2999).note == "too large to be shown: 60 x 50 px"
    )
    assert "used up" in reduced_picture(out.getvalue(), _room(50), max_pixels=10**6).note
