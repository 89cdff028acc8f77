"""The model: transformers' own CLIP and SigLIP, loaded, used and saved.

Shape letters: B samples, C channels, H and W pixels, L tokens, P image tokens, D embedding, F tower width.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPModel, SiglipModel

from contrastive_trainer.hub import loadable
from contrastive_trainer.pretrained import load_weights, read_channels
from schemas.errors import ConfigError

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of OpenAI's CLIP (its `clip.py`); SigLIP uses 0.5 for all. A checkpoint's own are read from beside it."""

MAX_LOG_SCALE = 4.605170186  # ln 100
"""CLIP's bound on the logit scale (Radford et al. 2021, section 2.5); SigLIP has none, and ends over it."""


class Clip(nn.Module):
    """A two-tower model with what the trainer asks of it, CLIP or SigLIP alike.

    Args:
        model: it.
        mean, std: by which pictures in 0..1 are normalised, of each channel; none: the family's.
    """

    def __init__(
        self, model: CLIPModel | SiglipModel, mean: list[float] | None = None, std: list[float] | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.is_siglip = isinstance(model, SiglipModel)
        half = (0.5,) * 3
        self.mean_C11: Tensor
        self.std_C11: Tensor
        for name, given, usual in (("mean", mean, CLIP_MEAN), ("std", std, CLIP_STD)):
            values = torch.tensor(given or (half if self.is_siglip else usual))
            self.register_buffer(f"{name}_C11", values.view(3, 1, 1), persistent=False)

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
        return int(config.vision_config.hidden_size if self.is_siglip else config.projection_dim)

    @property
    def vision_width(self) -> int:
        """Width F of the image tokens."""
        return int(self.model.config.vision_config.hidden_size)

    @property
    def scale(self) -> Tensor:
        """The logit scale."""
        scale: Tensor = self.model.logit_scale.exp().squeeze()
        return scale

    @property
    def bias(self) -> Tensor | None:
        """SigLIP's logit bias."""
        return self.model.logit_bias.squeeze() if self.is_siglip else None

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Bring CLIP's logit scale back to 100 where it is more."""
        if not self.is_siglip:
            self.model.logit_scale.clamp_(max=MAX_LOG_SCALE)

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

    def compile_towers(self) -> None:
        """Have torch.compile translate both towers when they are first used."""
        self.model.vision_model.compile()
        self.model.text_model.compile()

    def save(self, folder: Path) -> None:
        """Write the model as transformers loads it, and how pictures are prepared for it."""
        self.model.save_pretrained(folder)
        prepared = {
            "image_processor_type": "SiglipImageProcessor" if self.is_siglip else "CLIPImageProcessor",
            "do_convert_rgb": True,
            "do_resize": True,
            "size": {"height": self.image_size, "width": self.image_size},
            "resample": 3,  # bicubic
            "do_center_crop": False,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": [round(v, 8) for v in self.mean_C11.flatten().tolist()],
            "image_std": [round(v, 8) for v in self.std_C11.flatten().tolist()],
        }
        text = json.dumps(prepared, indent=2) + "\n"
        (folder / "preprocessor_config.json").write_text(text, encoding="utf-8")


def load_clip(path: str, attention: str = "sdpa", dropout: float = 0.0) -> Clip:
    """Return the CLIP or SigLIP of a folder or hub id, in float32; safetensors alone are read.

    Args:
        dropout: of attention weights, in training mode.

    Raises:
        ConfigError: there is none, it is another model, or it is not whole.
    """
    try:
        place = loadable(path)
        return Clip(load_weights(place, attention, dropout), *read_channels(place))
    except ConfigError:
        raise
    except Exception as error:  # transformers raises nearly anything of files that are not as it expects
        line = " ".join(str(error).split())[:300] or type(error).__name__
        raise ConfigError(
            f"checkpoint {path!r} cannot be loaded ({line}); name a folder or hub id"
        ) from error
