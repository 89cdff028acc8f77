"""A checkpoint with all that turns pictures and texts into embeddings: model, tokenizer, preprocessing."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.image_processing_base import ImageProcessingMixin

from clip_evaluation.preprocessing import Preprocessing, read_preprocessing
from contrastive_trainer.model import Clip, load_clip
from contrastive_trainer.tokenizer import TextEncoder, load_tokenizer
from schemas.checkpoint import find_device, quiet_transformers
from schemas.errors import ConfigError

_NOT_THE_MODEL = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A loaded checkpoint; `mark` is the hash of all that decides its embeddings but the inputs."""

    name: str
    clip: Clip
    encoder: TextEncoder
    preprocessing: Preprocessing
    mark: str
    device: torch.device


def load_checkpoint(name: str, device: str) -> Checkpoint:
    """Load the CLIP or SigLIP of a folder or hub id, in float32.

    Raises:
        ConfigError: it is not there, not whole, of another kind, or its files do not fit each other; or there
            is no GPU and one is asked for.
    """
    place = find_device(device)
    with quiet_transformers():
        try:
            clip = load_clip(name)
            encoder = TextEncoder(load_tokenizer(name), clip.text_length)
            settings, _ = ImageProcessingMixin.get_image_processor_dict(name)
        except (OSError, ValueError, TypeError, KeyError, ImportError, SafetensorError) as error:
            raise ConfigError(
                f"checkpoint {name!r} cannot be used ({' '.join(str(error).split())[:200]}); "
                "name a folder or hub id with model, tokenizer and preprocessor_config.json"
            ) from error
    words = clip.model.config.text_config.vocab_size
    if len(encoder.tokenizer) > words:
        raise ConfigError(
            f"checkpoint {name!r}: its tokenizer has {len(encoder.tokenizer)} tokens, its model {words}; "
            "give it the tokenizer that it was trained with"
        )
    preprocessing = read_preprocessing(settings, clip.image_size)
    clip.mean_C11.copy_(torch.tensor(preprocessing.mean).view(3, 1, 1))
    clip.std_C11.copy_(torch.tensor(preprocessing.std).view(3, 1, 1))
    return Checkpoint(
        name=name,
        clip=clip.eval().requires_grad_(False).to(place),
        encoder=encoder,
        preprocessing=preprocessing,
        mark=_mark(clip, preprocessing),
        device=place,
    )


def _mark(clip: Clip, preprocessing: Preprocessing) -> str:
    """Return the hash of weights, settings and preprocessing, wherever they lie."""
    settings: dict[str, Any] = clip.model.config.to_dict()
    told = json.dumps([_plain(settings), repr(preprocessing)], sort_keys=True, default=str)
    digest = hashlib.sha256(told.encode())
    for name, tensor in sorted(clip.model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().cpu().numpy())
    return digest.hexdigest()


def _plain(settings: Any) -> Any:
    if not isinstance(settings, dict):
        return settings
    return {key: _plain(value) for key, value in settings.items() if key not in _NOT_THE_MODEL}
