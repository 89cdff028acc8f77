import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from transforms.imaging.orientation import exif_orientation


@pytest.mark.parametrize("value", range(1, 9))
def test_what_pillow_writes_is_read(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010F] = "a camera"
    assert exif_orientation(exif.tobytes()) == value


@pytest.mark.parametrize(("order", "head"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_both_byte_orders_and_long_values(order: str, head: bytes) -> None:
    short = struct.pack(order + "HHHIHH", 1, 0x0112, 3, 1, 6, 0)
    long = struct.pack(order + "HHHII", 1, 0x0112, 4, 1, 8)
    for entry, value in ((short, 6), (long, 8)):
        assert exif_orientation(b"Exif\0\0" + head + struct.pack(order + "I", 8) + entry) == value


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_values_that_mean_nothing_are_upright(value: int) -> None:
    entry = struct.pack("<HHHIHH", 1, 0x0112, 3, 1, value, 0)
    assert exif_orientation(b"II*\0" + struct.pack("<I", 8) + entry) == 1


@given(st.binary(max_size=64), st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"]))
def test_hostile_bytes_are_upright_or_valid(tail: bytes, head: bytes) -> None:
    assert 1 <= exif_orientation(head + tail) <= 8
