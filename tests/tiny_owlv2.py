"""A tiny OWLv2 of the real class with random weights, as a checkpoint on disk."""

import json
from pathlib import Path

import torch
from transformers import (
    CLIPTokenizer,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessorPil,
    Owlv2Processor,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

SIDE = 64
TOKENS = 16
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def save_owlv2(folder: Path, seed: int = 0) -> Path:
    """Save a model of 8 x 8 patches, whose tokenizer reads bytes and merges none."""
    folder.mkdir(parents=True)
    alphabet = sorted(bytes_to_unicode().values())
    letters = ["!", *(letter for letter in alphabet if letter != "!")]  # "!" is 0, and pads, as in CLIP
    words = [*letters, *(f"{letter}</w>" for letter in letters), *SPECIAL]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), pad_token="!"
    )
    Owlv2Processor(Owlv2ImageProcessorPil(size={"height": SIDE, "width": SIDE}), tokenizer).save_pretrained(
        folder
    )
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {
        **tower,
        "vocab_size": len(words),
        "max_position_embeddings": TOKENS,
        "bos_token_id": len(words) - 2,
        "eos_token_id": len(words) - 1,
    }
    vision = {**tower, "image_size": SIDE, "patch_size": 8}
    model = Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=vision, projection_dim=32))
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim and "norm" not in name:  # large, or all pictures and phrases look alike
            torch.nn.init.normal_(parameter, std=0.2 if "_head" in name else 0.1)
    model.save_pretrained(folder)
    return folder
