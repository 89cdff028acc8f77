"""Shards, pictures and a checkpoint made here."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_tar(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of plain tars below the test's folder, members in their order."""

    def write(name: str, members: list[tuple[str, bytes]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    return write


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Return a maker of pictures: noise of a seed as a file."""

    def make(seed: int, size: tuple[int, int] = (40, 32), kind: str = "PNG") -> bytes:
        noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, kind)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a random CLIP of 32 px, its tokenizer and its preprocessing: crop, not squash."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer

    folder = tmp_path_factory.mktemp("clip")
    tokenizer = train_tokenizer(["a photo of a red cat", "the blue dog is not true"], 300)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 24,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(0)
    model = CLIPModel(
        CLIPConfig(
            vision_config=sizes | {"image_size": 32, "patch_size": 8},
            text_config=sizes | text,
            projection_dim=16,
        )
    )
    model.save_pretrained(folder)
    TextEncoder(tokenizer, 24).save(folder)
    prepared = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return folder
