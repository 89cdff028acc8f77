"""A tiny SigLIP and SigLIP 2 of the real classes with random weights, as checkpoints on disk."""

import json
import string
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    Siglip2Processor,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SiglipProcessor,
)

from contrastive_trainer.tokenizer import train_tokenizer

LENGTH = 48
_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 2}


def save_siglip(folder: Path, seed: int = 0) -> Path:
    """Save a SigLIP of 32 px, which squashes pictures."""
    tokenizer = train_tokenizer(["a photo of a red cat", "the blue dog is not true"], 300)
    torch.manual_seed(seed)
    vision = _SIZES | {"image_size": 32, "patch_size": 8}
    model = SiglipModel(SiglipConfig(vision_config=vision, text_config=_text(tokenizer)))
    images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    _save(folder, model, SiglipProcessor(images, tokenizer))
    told = folder / "tokenizer_config.json"  # no mask, as in those of SigLIP's authors
    told.write_text(json.dumps(json.loads(told.read_text()) | {"model_input_names": ["input_ids"]}))
    return folder


def save_siglip2(folder: Path, seed: int = 0) -> Path:
    """Save a SigLIP 2 for pictures of any shape, of at most 16 patches."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *string.ascii_lowercase, "▁c", "at", "og"]
    tokenizer = Siglip2Tokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=[("▁", "c"), ("a", "t"), ("o", "g")],
        padding_side="right",
        model_input_names=["input_ids"],
    )
    torch.manual_seed(seed)
    vision = _SIZES | {"num_patches": 16, "patch_size": 8}
    model = Siglip2Model(Siglip2Config(vision_config=vision, text_config=_text(tokenizer)))
    images = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return _save(folder, model, Siglip2Processor(images, tokenizer))


def _text(tokenizer: Any) -> dict[str, Any]:
    return _SIZES | {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": LENGTH,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "projection_size": 32,
    }


def _save(folder: Path, model: Any, processor: Any) -> Path:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)  # biases too, which begin as 0
        model.logit_scale.fill_(1.0)
        model.logit_bias.fill_(-2.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
