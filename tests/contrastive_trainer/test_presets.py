"""Presets have the sizes of the models they are named after."""

import math
from typing import Any

import pytest
import torch

from contrastive_trainer.presets import preset_clip, preset_siglip
from schemas.errors import ConfigError
from schemas.train import ModelConfig


class ClipVocabulary:
    """What a preset asks of CLIP's tokenizer."""

    pad_token_id, bos_token_id, eos_token_id = 49407, 49406, 49407

    def __len__(self) -> int:
        return 49408


def count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "millions"), [("vit-b-32", 151.3), ("vit-b-16", 149.6), ("vit-l-14", 427.6)]
)
def test_parameters_of_openais_clips(name: str, millions: float) -> None:
    with torch.device("meta"):
        model = preset_clip(ModelConfig(preset=name), ClipVocabulary())
    assert round(count(model) / 1e6, 1) == millions


def test_a_siglip_has_equal_towers_and_starts_as_the_paper_says() -> None:
    model = preset_siglip(ModelConfig(preset="tiny", family="siglip"), ClipVocabulary())
    assert model.config.text_config.hidden_size == model.config.vision_config.hidden_size
    assert model.logit_scale.exp().item() == pytest.approx(10)
    assert model.logit_bias.item() == -10


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_settings_reach_both_towers(attention: str) -> None:
    config = ModelConfig(preset="tiny", attention=attention, dropout=0.1, image_size=32, text_length=40)
    settings = preset_clip(config, ClipVocabulary()).config
    for tower in (settings.vision_config, settings.text_config):
        assert tower._attn_implementation == attention
        assert tower.attention_dropout == 0.1
    assert settings.vision_config.image_size == 32
    assert settings.text_config.max_position_embeddings == 40
    assert settings.text_config.eos_token_id == 49407


def test_the_scale_starts_as_clips() -> None:
    model = preset_clip(ModelConfig(preset="tiny"), ClipVocabulary())
    assert model.logit_scale.item() == pytest.approx(math.log(1 / 0.07), abs=1e-4)
    assert model.config.text_config.max_position_embeddings == 77


def test_a_size_that_is_no_multiple_of_the_patch() -> None:
    with pytest.raises(ConfigError, match="model.image_size: 60 is no multiple of the patch of 8 pixels"):
        preset_clip(ModelConfig(preset="tiny", image_size=60), ClipVocabulary())
