"""A CLIP, SigLIP or SigLIP 2 of the transformers library on its way into memory.

Pictures are prepared by the library's processors on Pillow, also where torchvision is there: both round
differently, and scores must not depend on what is installed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers.utils.hub import has_file

from lvlm_workers.checkpoint_files import BROKEN, one_line
from lvlm_workers.clip_pictures import PicturePreparer
from lvlm_workers.clip_texts import TextReader
from schemas.checkpoint import find_checkpoint, find_device, quiet_transformers
from schemas.errors import ConfigError
from schemas.score import ClipConfig

LAYERS = 3
"""The last text layers whose attention says which words matter (CLIP4DM, arXiv 2412.18404)."""

_CLASSES = {
    "clip": transformers.CLIPModel,
    "siglip": transformers.SiglipModel,
    "siglip2": transformers.Siglip2Model,
}
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_MEND = "give the folder of a CLIP or SigLIP, such as OUT/final of a training, or a hub id"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedClip:
    """A model with what reads texts and prepares pictures for it."""

    name: str
    model: Any
    texts: TextReader
    pictures: PicturePreparer
    device: torch.device


def check_clip(config: ClipConfig) -> None:
    """Look whether a checkpoint can be used: a folder's by loading it, a hub's all but its weights.

    Raises:
        ConfigError: it cannot.
    """
    name, _ = find_checkpoint(config.checkpoint, "checkpoint"), find_device(config.device)
    if os.path.isdir(name):
        load_clip(config)
        return
    with _told(config), quiet_transformers():
        _read_around(config, name)


def load_clip(config: ClipConfig) -> LoadedClip:
    """Return the model of a folder or hub id; only safetensors are read.

    Attention of the text tower is computed step by step, so that it can be looked at; its graph for gradients
    begins at the last `LAYERS` layers, before which none is kept.

    Raises:
        ConfigError: it is not there, is broken or another model, or there is no GPU and one is asked for.
    """
    name, device = find_checkpoint(config.checkpoint, "checkpoint"), find_device(config.device)
    with _told(config), quiet_transformers():
        settings, texts, pictures = _read_around(config, name)
        model, report = _CLASSES[settings.model_type].from_pretrained(
            name,
            config=settings,
            revision=config.revision or "main",
            dtype=getattr(torch, config.dtype),
            attn_implementation={"text_config": "eager", "vision_config": "sdpa"},
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if report["missing_keys"]:
            missing = sorted(report["missing_keys"])
            raise ValueError(f"it lacks {len(missing)} of its weights, such as {missing[0]}")
    model = model.eval().requires_grad_(False).to(device)
    for layer in model.text_model.encoder.layers[-LAYERS:]:
        layer.self_attn.q_proj.bias.requires_grad_()
    return LoadedClip(name=config.checkpoint, model=model, texts=texts, pictures=pictures, device=device)


def _read_around(config: ClipConfig, name: str) -> tuple[Any, TextReader, PicturePreparer]:
    """Return the settings, and what reads texts and pictures: everything but the weights."""
    files: dict[str, Any] = {"revision": config.revision or "main", "trust_remote_code": False}
    settings = transformers.AutoConfig.from_pretrained(name, **files)
    if settings.model_type not in _CLASSES:
        raise ValueError(f"it is a {settings.model_type!r}, not one of {', '.join(_CLASSES)}")
    if not any(has_file(name, file, revision=files["revision"]) for file in _WEIGHTS):
        raise ValueError(
            f"it has no {_WEIGHTS[0]}, and pickled weights are not read, as they can run code; "
            "convert it with save_pretrained"
        )
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **files)
    processor = transformers.AutoImageProcessor.from_pretrained(name, backend="pil", **files)
    texts = TextReader(tokenizer, settings.text_config, is_clip=settings.model_type == "clip")
    return settings, texts, PicturePreparer(processor, settings.vision_config)


@contextmanager
def _told(config: ClipConfig) -> Iterator[None]:
    """Say of what the library, or we, find wrong with a checkpoint whose it is."""
    try:
        yield
    except BROKEN as error:
        name = config.checkpoint
        raise ConfigError(f"checkpoint: {name!r} cannot be used ({one_line(error)}); {_MEND}") from error
