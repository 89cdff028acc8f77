"""Models by name, with random weights."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from schemas.errors import ConfigError
from schemas.train import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Widths of a model: as OpenAI's CLIP names them; `tiny` is for a CPU."""

    vision: tuple[int, int, int]  # width, layers, heads
    text: tuple[int, int, int]
    embedding: int
    image_size: int
    patch: int


TEXT_LENGTH = 77
"""Tokens of a preset's texts, as CLIP's."""

PRESETS = {
    "tiny": Preset(vision=(128, 4, 4), text=(128, 4, 4), embedding=128, image_size=64, patch=8),
    "vit-b-32": Preset(vision=(768, 12, 12), text=(512, 12, 8), embedding=512, image_size=224, patch=32),
    "vit-b-16": Preset(vision=(768, 12, 12), text=(512, 12, 8), embedding=512, image_size=224, patch=16),
    "vit-l-14": Preset(vision=(1024, 24, 16), text=(768, 12, 12), embedding=768, image_size=224, patch=14),
}


def _sizes(width: int, layers: int, heads: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }


def preset_clip(config: ModelConfig, tokenizer: Any) -> CLIPModel:
    """Return a CLIP of the preset's widths for the tokenizer's vocabulary."""
    preset = PRESETS[str(config.preset)]
    settings = CLIPConfig(
        vision_config=_vision(preset, config),
        text_config=_text(preset.text, config, tokenizer),
        projection_dim=preset.embedding,
        attn_implementation=config.attention,
    )
    return CLIPModel(settings)


def preset_siglip(config: ModelConfig, tokenizer: Any) -> SiglipModel:
    """Return a SigLIP: equally wide towers, scale 10 and bias -10 (Zhai et al. 2023, section 3.2)."""
    preset = PRESETS[str(config.preset)]
    settings = SiglipConfig(
        vision_config=_vision(preset, config),
        text_config=_text(preset.vision, config, tokenizer) | {"projection_size": preset.vision[0]},
        attn_implementation=config.attention,
    )
    model = SiglipModel(settings)
    with torch.no_grad():
        model.logit_scale.fill_(torch.tensor(10.0).log())
        model.logit_bias.fill_(-10.0)
    return model


def _vision(preset: Preset, config: ModelConfig) -> dict[str, Any]:
    size = config.image_size or preset.image_size
    if size % preset.patch:
        raise ConfigError(f"model.image_size: {size} is no multiple of the patch of {preset.patch} pixels")
    return _sizes(*preset.vision) | {
        "image_size": size,
        "patch_size": preset.patch,
        "attention_dropout": config.dropout,
    }


def _text(sizes: tuple[int, int, int], config: ModelConfig, tokenizer: Any) -> dict[str, Any]:
    return _sizes(*sizes) | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": config.text_length or TEXT_LENGTH,
        "attention_dropout": config.dropout,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
