"""A tiny CLIP of the real class with random weights, as a checkpoint on disk."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel

from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer

_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_TOKENS = 24
_PREPARED = {
    "image_processor_type": "CLIPImageProcessor",
    "size": {"shortest_edge": 32},
    "crop_size": {"height": 32, "width": 32},
    "resample": 3,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


def save_clip(folder: Path, seed: int = 0) -> Path:
    """Save a CLIP of 32 px with its tokenizer and its preprocessing, which crops as OpenAI's does."""
    tokenizer = train_tokenizer(["a photo of a red cat", "the blue dog is not true"], 300)
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": _TOKENS,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(seed)
    settings = CLIPConfig(
        vision_config=_SIZES | {"image_size": 32, "patch_size": 8},
        text_config=_SIZES | text,
        projection_dim=16,
    )
    CLIPModel(settings).save_pretrained(folder)
    TextEncoder(tokenizer, _TOKENS).save(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(_PREPARED))
    return folder
