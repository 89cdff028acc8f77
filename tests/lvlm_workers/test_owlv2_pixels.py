"""Pixels against the library's own image processor, which pads, blurs and resizes with scipy."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Owlv2ImageProcessorPil

from lvlm_workers.owlv2_pixels import make_reader, resize_matrix

pytest.importorskip("scipy", reason="the library's own resize needs it")

SIZES = [
    (96, 96), (97, 50), (50, 97), (200, 100), (100, 200), (7, 5), (1, 1), (2, 1), (1, 40), (400, 3), (500, 1),
]  # fmt: skip


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [32, 96])
def test_as_the_library_has_them(size: tuple[int, int], side: int) -> None:
    processor = Owlv2ImageProcessorPil(size={"height": side, "width": side})
    picture = noise(*size)
    expected = processor(picture, return_tensors="pt")["pixel_values"][0]
    found = make_reader(processor.to_dict(), side).read(picture, torch.device("cpu"))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-6)


def test_other_means_and_scales() -> None:
    processor = Owlv2ImageProcessorPil(
        size={"height": 32, "width": 32}, image_mean=[0.5, 0.4, 0.3], image_std=[0.1, 0.2, 0.3],
        rescale_factor=1 / 127,
    )  # fmt: skip
    expected = processor(noise(40, 30), return_tensors="pt")["pixel_values"][0]
    found = make_reader(processor.to_dict(), 32).read(noise(40, 30), torch.device("cpu"))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert make_reader({}, 960) == make_reader(Owlv2ImageProcessorPil().to_dict(), 960)


def test_a_line_by_hand() -> None:
    # 2 pixels to 4: read at -1/4, 1/4, 3/4 and 5/4 of the way; the ends mirror to 1/4 and 3/4.
    expected = [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]
    np.testing.assert_allclose(resize_matrix(2, 4), expected)
    np.testing.assert_allclose(resize_matrix(5, 5), np.eye(5))
    for length in (1, 3, 64, 999):
        np.testing.assert_allclose(resize_matrix(length, 64).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"do_pad": False}, "has do_pad false, which is no OWLv2's"),
        ({"do_normalize": None}, "has do_normalize false"),
        ({"size": {"height": 32, "width": 48}}, "resizes to .* and its model reads 32 px"),
        ({"image_mean": [0.5]}, "no mean and deviation of three colours"),
        ({"image_std": [0.5, 0, 0.5]}, "no mean and deviation of three colours"),
    ],
)
def test_settings_of_another_model(changed: dict[str, Any], said: str) -> None:
    settings = Owlv2ImageProcessorPil(size={"height": 32, "width": 32}).to_dict()
    with pytest.raises(ValueError, match=said):
        make_reader(settings | changed, 32)
