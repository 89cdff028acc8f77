"""A model for a configuration: a preset, or a checkpoint that fits the tokenizer and sizes asked for."""

from typing import Any

import torch
from torch import nn

from contrastive_trainer.model import Clip, load_clip
from contrastive_trainer.positions import stretch_positions
from contrastive_trainer.presets import preset_clip, preset_siglip
from schemas.checkpoint import find_checkpoint
from schemas.errors import ConfigError
from schemas.train import ModelConfig

OLD_END = 2
"""With this end token transformers' CLIP pools at the largest token: a rule for configurations of old."""


def make_model(config: ModelConfig, tokenizer: Any) -> Clip:
    """Return the model of a configuration; a preset's weights are random, drawn by torch's own seed.

    Raises:
        ConfigError: the checkpoint cannot be loaded, or does not fit the tokenizer or sizes; names the mend.
    """
    if config.preset is not None:
        clip = Clip((preset_siglip if config.family == "siglip" else preset_clip)(config, tokenizer))
    else:
        path = find_checkpoint(str(config.checkpoint), "model.checkpoint")
        clip = load_clip(path, config.attention, config.dropout)
        _fit_sizes(clip, config, len(tokenizer))
    if not clip.is_siglip:
        _pool_at_end(clip, tokenizer.eos_token_id)
    return clip


def _fit_sizes(clip: Clip, config: ModelConfig, tokens: int) -> None:
    words = clip.model.config.text_config.vocab_size
    if tokens > words:
        raise ConfigError(
            f"tokenizer: it has {tokens} tokens, the checkpoint's table {words}; leave tokenizer.path out"
        )
    if config.image_size not in (None, clip.image_size):
        raise ConfigError(
            f"model.image_size: the checkpoint has {clip.image_size} pixels, not {config.image_size}; "
            "leave it out"
        )
    if config.text_length in (None, clip.text_length):
        return
    if config.text_length < clip.text_length or clip.is_siglip:
        raise ConfigError(
            f"model.text_length: the checkpoint has {clip.text_length} tokens, not {config.text_length}, and "
            "only a CLIP's can be stretched, to more; leave it out"
        )
    stretch_texts(clip, config.text_length)


def stretch_texts(clip: Clip, length: int) -> None:
    """Stretch the text tower's position table in place; its own settings say so from then on.

    Raises:
        ConfigError: the table is too short for it.
    """
    embeddings = clip.model.text_model.embeddings
    try:
        stretched_LD = stretch_positions(embeddings.position_embedding.weight.data, length)
    except ValueError as error:
        raise ConfigError(f"model.text_length: {error}; leave it out") from error
    embeddings.position_embedding = nn.Embedding(length, stretched_LD.shape[1], _weight=stretched_LD)
    embeddings.register_buffer("position_ids", torch.arange(length).unsqueeze(0), persistent=False)
    clip.model.config.text_config.max_position_embeddings = length


def _pool_at_end(clip: Clip, end: int | None) -> None:
    """Have CLIP's text tower pool at the tokenizer's end token, whatever an old configuration says."""
    if end is None or end == OLD_END:
        raise ConfigError(
            f"tokenizer: its end token has number {end}, at which transformers' CLIP does not pool; use "
            "another tokenizer"
        )
    clip.model.config.text_config.eos_token_id = end
    clip.model.text_model.eos_token_id = end
