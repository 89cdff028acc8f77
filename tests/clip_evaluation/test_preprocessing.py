"""Pictures are prepared as by transformers' own processors; hostile ones and settings give clear errors."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

from clip_evaluation.datasets.tar_samples import list_shards, read_samples
from clip_evaluation.preprocessing import Preprocessing, read_preprocessing
from schemas.errors import ConfigError, RunError

CLIP = {
    "size": {"shortest_edge": 32},
    "crop_size": {"height": 32, "width": 32},
    "image_mean": [0.48, 0.45, 0.4],
    "image_std": [0.26, 0.27, 0.28],
}


def normalised(prepared: Preprocessing, data: bytes) -> np.ndarray[Any, Any]:
    pixels = np.asarray(prepared.picture(data, "here"), dtype=np.float64).transpose(2, 0, 1)
    mean, std = (np.array(part).reshape(3, 1, 1) for part in (prepared.mean, prepared.std))
    return np.asarray((pixels / 255 - mean) / std)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (33, 33), (20, 31), (300, 32), (32, 41), (7, 90)])
@pytest.mark.parametrize(
    ("processor", "settings"),
    [
        (CLIPImageProcessorPil, CLIP),
        (CLIPImageProcessorPil, CLIP | {"size": 32, "crop_size": 32, "resample": 2}),
        (CLIPImageProcessorPil, CLIP | {"size": {"shortest_edge": 40}, "rescale_factor": 1 / 127.5}),
        (CLIPImageProcessorPil, CLIP | {"size": {"shortest_edge": 25}}),  # padded by the crop
        (CLIPImageProcessorPil, CLIP | {"size": {"height": 32, "width": 32}, "do_center_crop": False}),
        (CLIPImageProcessorPil, CLIP | {"do_normalize": False}),
        (CLIPImageProcessorPil, CLIP | {"do_rescale": False}),
        (CLIPImageProcessorPil, CLIP | {"do_resize": False, "do_center_crop": True}),
        (SiglipImageProcessorPil, CLIP | {"size": {"height": 32, "width": 32}, "do_center_crop": False}),
    ],
)
def test_against_transformers(
    picture: Callable[..., bytes], size: tuple[int, int], processor: Any, settings: dict[str, Any]
) -> None:
    data = picture(1, size)
    theirs = processor(**settings)(Image.open(io.BytesIO(data)), return_tensors="np")["pixel_values"][0]
    mine = normalised(read_preprocessing(settings, 32), data)
    np.testing.assert_allclose(mine, theirs, rtol=2e-6, atol=2e-5)


def test_transparency_lies_over_white_and_orientation_is_applied() -> None:
    prepared = read_preprocessing(CLIP | {"size": {"height": 2, "width": 2}, "do_center_crop": False}, 2)
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2), (9, 9, 9, 0)).save(buffer, "PNG")
    assert np.asarray(prepared.picture(buffer.getvalue(), "")).tolist() == [[[255] * 3] * 2] * 2
    image = Image.fromarray(np.array([[[0] * 3, [255] * 3]] * 2, dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    assert np.asarray(prepared.picture(buffer.getvalue(), ""))[0, :, 0].tolist() == [255, 0]


def test_hostile_pictures_are_named(shared_data: Path) -> None:
    prepared = read_preprocessing(CLIP, 32)
    refused = 0
    for sample in read_samples(list_shards(shared_data / "odd_images")):
        for ending, data in sample.members.items():
            if ending not in ("json", "txt"):
                try:
                    assert prepared.picture(data, "sample 7").size == (32, 32)
                except RunError as error:
                    assert str(error).startswith("sample 7: its picture ")
                    refused += 1
    assert refused > 5
    with pytest.raises(
        RunError, match=r"^sample 7: its picture cannot be decoded \(UnidentifiedImageError\)"
    ):
        prepared.picture(b"", "sample 7")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "cannot be read"),
        (CLIP | {"size": "32"}, "cannot be read"),
        (CLIP | {"size": {"longest_edge": 32}}, "cannot be read"),
        (CLIP | {"crop_size": {"height": 10**9, "width": 32}}, "cannot be read"),
        (CLIP | {"image_std": [0, 1, 1]}, "cannot be read"),
        (CLIP | {"image_mean": [float("nan"), 1, 1]}, "cannot be read"),
        (CLIP | {"image_mean": [1, 1]}, "cannot be read"),
        (CLIP | {"rescale_factor": -1}, "cannot be read"),
        (CLIP | {"resample": 99}, "cannot be read"),
        (CLIP | {"crop_size": 31}, r"makes pictures of \(31, 31\) pixels, but its model takes 32 x 32"),
        (CLIP | {"do_center_crop": False}, "makes pictures of 32 pixels"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_preprocessing(settings, 32)


def test_no_decoder_is_tried_that_the_trainer_does_not_trust() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "EPS")  # read by calling Ghostscript
    with pytest.raises(RunError, match=r"here: its picture cannot be decoded \(UnidentifiedImageError\)"):
        read_preprocessing(CLIP, 32).picture(buffer.getvalue(), "here")
