"""What a checkpoint holds: weights, all of them and no others, and how pictures are prepared for them."""

import math
import os
from collections.abc import Iterator

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModel, CLIPModel, SiglipModel
from transformers.image_processing_base import ImageProcessingMixin

from schemas.errors import ConfigError

PREPARED = "preprocessor_config.json"
NAMED = 3
"""So many weights are named in a message."""


def load_weights(path: str, attention: str, dropout: float) -> CLIPModel | SiglipModel:
    """Return the model of a folder or hub id, in float32; safetensors alone are read.

    Raises:
        ConfigError: its weights are not those of its configuration, or no numbers.
        Exception: nearly any, of files that are not as transformers expects.
    """
    settings = AutoConfig.from_pretrained(path, trust_remote_code=False)
    if settings.model_type not in ("clip", "siglip"):
        raise ValueError(f"its model type is {settings.model_type!r}, not clip or siglip")
    for tower in (settings.vision_config, settings.text_config):
        tower.attention_dropout = dropout
    model, report = AutoModel.from_pretrained(
        path,
        config=settings,
        dtype=torch.float32,
        attn_implementation=attention,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    broken = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    for names, fault, mend in (
        (report["missing_keys"], "lacks weights of its model", "it is cut off, or config.json is of another"),
        (
            report["unexpected_keys"],
            "has weights that its model has not",
            "config.json is of another, or it is no plain CLIP or SigLIP",
        ),
        (broken, "has weights that are NaN or infinite", "it was saved when it was broken already"),
    ):
        if names:
            raise ConfigError(f"checkpoint {path!r} {fault} ({_some(names)}): {mend}; use another checkpoint")
    found: CLIPModel | SiglipModel = model
    return found


def read_channels(path: str) -> Iterator[list[float] | None]:
    """Yield the mean and the deviation that a checkpoint names; None for each that it does not.

    Raises:
        ValueError: its file is broken, or names something else.
    """
    try:
        prepared = ImageProcessingMixin.get_image_processor_dict(path)[0]
    except (OSError, ValueError) as error:
        if _has(path, PREPARED):
            raise ValueError(f"its {PREPARED} is no JSON") from error
        prepared = {}
    if not isinstance(prepared, dict):
        raise ValueError(f"its {PREPARED} is {type(prepared).__name__}, not an object")
    for name in ("image_mean", "image_std"):
        values = prepared.get(name)
        if values is not None and (len(values) != 3 or not all(map(math.isfinite, values))):
            raise ValueError(f"its {name} is {values}, not three numbers")
        if values is not None and name == "image_std" and min(values) <= 0:
            raise ValueError(f"its {name} is {values}, not above 0")
        yield values


def _has(path: str, name: str) -> bool:
    """Return whether a checkpoint has a file that transformers could not read."""
    if os.path.isdir(path):
        return os.path.lexists(os.path.join(path, name))
    return isinstance(try_to_load_from_cache(path, name), str)


def _some(names: list[str] | set[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
