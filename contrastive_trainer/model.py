"""The model: transformers' own CLIP and SigLIP, made, loaded, stretched and saved.

Shape letters: B samples, C channels, H and W pixels, L tokens, P image tokens, D embedding, F tower width.
"""

import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, CLIPModel, SiglipModel

from contrastive_trainer.positions import stretch_positions
from contrastive_trainer.presets import preset_clip, preset_siglip
from schemas.errors import ConfigError
from schemas.train import ModelConfig

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of OpenAI's CLIP (its `clip.py`); SigLIP uses 0.5 for all."""

MAX_SCALE = 100.0
"""CLIP's bound on the logit scale (Radford et al. 2021, section 2.5)."""


class Clip(nn.Module):
    """A two-tower model with what the trainer asks of it, CLIP or SigLIP alike."""

    def __init__(self, model: CLIPModel | SiglipModel) -> None:
        super().__init__()
        self.model = model
        siglip = isinstance(model, SiglipModel)
        mean, std = ((0.5,) * 3, (0.5,) * 3) if siglip else (CLIP_MEAN, CLIP_STD)
        self.mean_C11: Tensor
        self.std_C11: Tensor
        self.register_buffer("mean_C11", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std_C11", torch.tensor(std).view(3, 1, 1), persistent=False)

    @property
    def image_size(self) -> int:
        """Pixels of a side."""
        return int(self.model.config.vision_config.image_size)

    @property
    def text_length(self) -> int:
        """Tokens of a text."""
        return int(self.model.config.text_config.max_position_embeddings)

    @property
    def embedding(self) -> int:
        """Width D of the embeddings."""
        config = self.model.config
        return int(getattr(config, "projection_dim", None) or config.vision_config.hidden_size)

    @property
    def vision_width(self) -> int:
        """Width F of the image tokens."""
        return int(self.model.config.vision_config.hidden_size)

    def encode_image(self, image_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings (B, D), normalised, and the tokens before pooling (B, P, F).

        Args:
            image_BCHW: uint8, or float in 0..1.
        """
        pixels = image_BCHW.float() / 255 if image_BCHW.dtype == torch.uint8 else image_BCHW
        pixels = (pixels - self.mean_C11) / self.std_C11
        found = self.model.get_image_features(pixels.to(self.model.dtype))
        return nn.functional.normalize(found.pooler_output.float(), dim=-1), found.last_hidden_state

    def encode_text(self, text_BL: Tensor) -> Tensor:
        """Return the embeddings of texts (B, D), normalised."""
        found = self.model.get_text_features(text_BL)
        return nn.functional.normalize(found.pooler_output.float(), dim=-1)

    @property
    def scale(self) -> Tensor:
        """The logit scale, at most 100."""
        return cast(Tensor, self.model.logit_scale.exp().clamp(max=MAX_SCALE))

    @property
    def bias(self) -> Tensor | None:
        """SigLIP's logit bias."""
        found: Tensor | None = getattr(self.model, "logit_bias", None)
        return found

    def save(self, folder: Path) -> None:
        """Write the model as transformers loads it, and how pictures are prepared for it."""
        self.model.save_pretrained(folder)
        side = {"height": self.image_size, "width": self.image_size}
        siglip = isinstance(self.model, SiglipModel)
        prepared = {
            "image_processor_type": "SiglipImageProcessor" if siglip else "CLIPImageProcessor",
            "do_convert_rgb": True,
            "do_resize": True,
            "size": side,
            "resample": 3,  # bicubic
            "do_center_crop": False,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [round(v, 8) for v in self.mean_C11.flatten().tolist()],
            "image_std": [round(v, 8) for v in self.std_C11.flatten().tolist()],
        }
        (folder / "preprocessor_config.json").write_text(
            json.dumps(prepared, indent=2) + "\n", encoding="utf-8"
        )


def make_model(config: ModelConfig, tokenizer: Any) -> Clip:
    """Return the model of a configuration; a preset's weights are random, drawn by torch's own seed.

    Raises:
        ConfigError: the checkpoint cannot be loaded, or does not fit the tokenizer or sizes; names the mend.
    """
    if config.preset is not None:
        made = (preset_siglip if config.family == "siglip" else preset_clip)(config, tokenizer)
        return Clip(made)
    model = load_clip(str(config.checkpoint), config.attention)
    words = model.model.config.text_config.vocab_size
    if len(tokenizer) > words:
        raise ConfigError(
            f"tokenizer: it has {len(tokenizer)} tokens, the checkpoint's table {words}; "
            "leave tokenizer.path out"
        )
    if config.image_size not in (None, model.image_size):
        raise ConfigError(
            f"model.image_size: the checkpoint has {model.image_size} pixels, not {config.image_size}; "
            "leave it out"
        )
    if config.text_length > model.text_length:
        _stretch(model, config.text_length)
    return model


def load_clip(path: str, attention: str = "sdpa") -> Clip:
    """Return the CLIP or SigLIP of a folder or hub id, in float32; safetensors alone are read.

    Raises:
        ConfigError: there is none, or it is another model.
    """
    try:
        kind = AutoConfig.from_pretrained(path, trust_remote_code=False).model_type
        if kind not in ("clip", "siglip"):
            raise ValueError(f"its model type is {kind!r}, not clip or siglip")
        model = AutoModel.from_pretrained(
            path,
            dtype=torch.float32,
            attn_implementation=attention,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        line = str(error).splitlines()[0][:300]
        raise ConfigError(
            f"checkpoint {path!r} cannot be loaded ({line}); name a folder or hub id"
        ) from error
    return Clip(model)


def _stretch(model: Clip, length: int) -> None:
    """Stretch the text tower's position table in place; its own settings say so from then on."""
    embeddings = model.model.text_model.embeddings
    stretched_LD = stretch_positions(embeddings.position_embedding.weight.data, length)
    embeddings.position_embedding = nn.Embedding(length, stretched_LD.shape[1], _weight=stretched_LD)
    embeddings.register_buffer("position_ids", torch.arange(length).unsqueeze(0), persistent=False)
    model.model.config.text_config.max_position_embeddings = length
