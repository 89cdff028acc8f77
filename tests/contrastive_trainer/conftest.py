"""Tiny shards, models and configurations, so that whole runs take a second."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from contrastive_trainer.model import Clip
from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer
from schemas.train import TrainConfig
from tests.tars import write_tar

SAMPLES, PER_SHARD = 20, 8
SIDE, TOKENS = 32, 24
COLOURS = ("red", "green", "blue", "grey")
SHAPES = ("circle", "square", "star", "tree", "cup")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 3 shards of 20 samples, u00 to u19, with all fields that a loss may ask for."""
    folder = tmp_path_factory.mktemp("shards")
    for first in range(0, SAMPLES, PER_SHARD):
        numbers = range(first, min(first + PER_SHARD, SAMPLES))
        members = [(f"{n:09d}.{ending}", data) for n in numbers for ending, data in _members(n).items()]
        write_tar(folder / f"{first // PER_SHARD:05d}.tar", members)
    return folder


def _members(number: int) -> dict[str, bytes]:
    """Return a picture of noise that is like no other, and texts that say which it is."""
    colour, shape = COLOURS[number % 4], SHAPES[number % 5]
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    text = f"a {colour} {shape}"
    fields = {
        "uid": f"u{number:02d}",
        "alt_text": text,
        "caption": f"{text}.",
        "long_positive": [f"There is {text}.", f"It lies on number {number}."],
        "long_negative": [f"There is a white {shape}.", "It flies."],
        "short_positive": [colour, shape],
        "short_negative": [COLOURS[(number + 1) % 4]],
        "rewrites": [f"one {colour} {shape}", f"{shape}, {colour}"],
        "regions": [{"box": [0.1, 0.1, 0.8, 0.9], "phrase": text, "score": 1.0}],
    }
    return {"png": picture.getvalue(), "txt": text.encode(), "json": json.dumps(fields).encode()}


def _tokenizer() -> Any:
    texts = [f"there is a {colour} {shape} on number 0123456789" for colour in COLOURS for shape in SHAPES]
    return train_tokenizer(texts, 400)


def _tower(**more: Any) -> dict[str, Any]:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return sizes | more


def _save(model: CLIPModel | SiglipModel, tokenizer: Any, folder: Path) -> Path:
    Clip(model).save(folder)
    TextEncoder(tokenizer, TOKENS).save(folder)
    return folder


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CLIP with towers of one layer, 16 wide: pictures of 32 pixels, texts of 24 tokens."""
    tokenizer = _tokenizer()
    ends = {"pad_token_id": 2, "bos_token_id": 0, "eos_token_id": 1}
    assert tokenizer.eos_token_id == 1
    torch.manual_seed(0)
    settings = CLIPConfig(
        vision_config=_tower(image_size=SIDE, patch_size=16),
        text_config=_tower(vocab_size=len(tokenizer), max_position_embeddings=TOKENS, **ends),
        projection_dim=12,
    )
    return _save(CLIPModel(settings), tokenizer, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def small_siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SigLIP of the same sizes."""
    tokenizer = _tokenizer()
    torch.manual_seed(0)
    settings = SiglipConfig(
        vision_config=_tower(image_size=SIDE, patch_size=16),
        text_config=_tower(vocab_size=len(tokenizer), max_position_embeddings=TOKENS, projection_size=16),
    )
    model = SiglipModel(settings)
    with torch.no_grad():
        model.logit_scale.fill_(torch.tensor(10.0).log())
        model.logit_bias.fill_(-10.0)
    return _save(model, tokenizer, tmp_path_factory.mktemp("siglip"))


@pytest.fixture
def configure(tmp_path: Path, shards: Path, small_clip: Path) -> Callable[..., TrainConfig]:
    """Make a configuration of 10 steps: 2 epochs of 20 samples in batches of 4; `configure(path={...})`.

    Arguments replace sections of the same name; `data` is added to.
    """

    def make(**changes: Any) -> TrainConfig:
        data: Mapping[str, Any] = {"shards": str(shards), "workers": 0, "shuffle_shards": 2}
        values = {
            "output": str(tmp_path / "out"),
            "model": {"checkpoint": str(small_clip)},
            "optim": {"lr": 1e-3, "warmup": 2, "eps": 1e-3},
            "batch": 4,
            "epochs": 2,
            "device": "cpu",
            "log_steps": 1,
            "checkpoint_steps": 3,
        }
        return TrainConfig.model_validate(values | changes | {"data": data | changes.get("data", {})})

    return make
