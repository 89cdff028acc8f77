"""A checkpoint of the transformers library on its way into memory.

Tried with transformers 5.23 on tiny models without torchvision: Llama, Qwen2, Qwen3, Gemma 2, GPT-2, OPT,
BLOOM, Mamba; Qwen2-VL, Qwen2.5-VL, Qwen3-VL, LLaVA, LLaVA-NeXT, Idefics3, InternVL, Gemma 3,
Florence-2, and with pictures only PaliGemma and BLIP-2. Pixtral needs torchvision, SmolVLM num2words.
BLIP and GIT read the padding too: give them a `batch_size` of 1.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from jinja2 import TemplateError
from PIL import Image
from safetensors import SafetensorError
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.utils.hub import has_file

from lvlm_workers.base import WorkerError
from lvlm_workers.in_process import need_checkpoint
from schemas.checkpoint import find_device, quiet_transformers
from schemas.errors import ConfigError
from schemas.workers import CheckpointConfig, TransformersWorkerConfig

BROKEN = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
    TemplateError,
    TypeError,
    ValueError,
)
"""What the library raises of a checkpoint, or of an input that it does not take."""

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_TOKEN_IDS = (
    "bos_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "suppress_tokens",
    "begin_suppress_tokens",
)
_MAX_MESSAGE_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a checkpoint says of itself before its weights are read."""

    config: Any
    model_class: Any
    reads_pictures: bool


def find_checkpoint(config: TransformersWorkerConfig) -> Found:
    """Look, without reading weights, whether a checkpoint is there and can be loaded.

    Raises:
        WorkerError: it cannot.
    """
    found = read_config(config)
    reads_pictures = type(found) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    mapping = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING if reads_pictures else MODEL_FOR_CAUSAL_LM_MAPPING
    if type(found) not in mapping:
        raise WorkerError(
            f"model {config.model!r} ({found.model_type}) answers no prompts; name an image-text-to-text or "
            "a text-generation checkpoint"
        )
    need_safe_weights(config)
    return Found(config=found, model_class=mapping[type(found)], reads_pictures=reads_pictures)


def read_config(config: CheckpointConfig) -> Any:
    """Return what a checkpoint says of itself, without reading weights.

    Raises:
        WorkerError: it is not there, or is none.
    """
    need_checkpoint(config)
    with _usable(config.model):
        return transformers.AutoConfig.from_pretrained(
            config.model, revision=config.revision or "main", trust_remote_code=False
        )


def need_safe_weights(config: CheckpointConfig) -> None:
    """Look whether a checkpoint's weights are there, and safe to read.

    Raises:
        WorkerError: they are not.
    """
    name, revision = config.model, config.revision or "main"
    with _usable(name):
        is_safe = any(has_file(name, file, revision=revision) for file in _WEIGHTS)
    if not is_safe:
        raise WorkerError(
            f"model {name!r} has no {_WEIGHTS[0]}, and pickled weights are not read, as they can run code; "
            "convert it with save_pretrained, or name a revision that has it"
        )


def need_device(config: CheckpointConfig) -> torch.device:
    """Return where the model is to run.

    Raises:
        WorkerError: there is no GPU, and one is asked for.
    """
    try:
        return find_device(config.device)
    except ConfigError as error:
        raise WorkerError(str(error)) from error


def load_processor(config: TransformersWorkerConfig, found: Found) -> Any:
    """Return the checkpoint's processor, or the tokenizer of one that reads text only.

    It pads on the left, so that a reply follows its prompt. An encoder-decoder's prompt is padded on the
    right: its reply stands apart, and its positions count from the left.

    Raises:
        BROKEN: it cannot be loaded.
    """
    files = {"revision": config.revision or "main", "trust_remote_code": False}
    if not found.reads_pictures:
        processor = transformers.AutoTokenizer.from_pretrained(config.model, **files)
    else:
        try:
            processor = transformers.AutoProcessor.from_pretrained(config.model, **files)
        except (ImportError, ValueError) as error:
            for_videos = "video_processor" in PROCESSOR_MAPPING[type(found.config)].get_attributes()
            if not (for_videos and "torchvision" in str(error).lower()):
                raise
            processor = _without_videos(found).from_pretrained(config.model, **files)
    tokenizer = processor.tokenizer if found.reads_pictures else processor
    configs = found.config, found.config.get_text_config()
    tokenizer.padding_side = "right" if any(part.is_encoder_decoder for part in configs) else "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return processor


def find_mark(processor: Any) -> str:
    """Return what stands for a picture in a text: nothing where the processor puts it there itself."""
    try:
        processor(text=["a"], images=[[Image.new("RGB", (64, 64))]], return_tensors="pt")
    except BROKEN:
        return str(processor.image_token)
    return ""


def load_model(config: TransformersWorkerConfig, found: Found, device: torch.device, tokenizer: Any) -> Any:
    """Return the model that writes; a request's sampling is all that decides how.

    Of the checkpoint's own settings only its special tokens stay: penalties for repetition would count the
    padding of a batch, and the quotes and keys of JSON.

    Raises:
        BROKEN: it cannot be loaded, or lacks weights.
    """
    model = load_weights(config, found.model_class, device)
    own = model.generation_config
    ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=sorted({end for end in (*ends, tokenizer.eos_token_id) if end is not None}) or None,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
        **{name: getattr(own, name, None) for name in _TOKEN_IDS},
    )
    return model


def load_weights(config: CheckpointConfig, model_class: Any, device: torch.device) -> Any:
    """Return a model of a class, with all its weights, where it is to run.

    Raises:
        BROKEN: it cannot be loaded, or lacks weights.
    """
    with quiet_transformers():
        model, report = model_class.from_pretrained(
            config.model,
            revision=config.revision or "main",
            trust_remote_code=False,
            use_safetensors=True,
            dtype=_dtype(config, device),
            output_loading_info=True,
        )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ValueError(f"it lacks {len(missing)} of its weights, such as {missing[0]}")
    return model.eval().to(device)


def one_line(error: Exception) -> str:
    """Return the beginning of what the library says."""
    return " ".join(str(error).split())[:_MAX_MESSAGE_CHARS] or type(error).__name__


@contextmanager
def _usable(name: str) -> Iterator[None]:
    """Say of what the library raises that a checkpoint cannot be used."""
    try:
        yield
    except BROKEN as error:
        raise WorkerError(
            f"model {name!r} cannot be used ({one_line(error)}); name a folder, or a hub id, of a checkpoint "
            "that transformers knows without code of its own"
        ) from error


def _dtype(config: CheckpointConfig, device: torch.device) -> Any:
    if config.dtype != "auto":
        return getattr(torch, config.dtype)
    return "auto" if device.type == "cuda" else torch.float32


def _without_videos(found: Found) -> Any:
    """Return the processor's class without the part for videos, which cannot be made without torchvision."""

    class PicturesOnly(PROCESSOR_MAPPING[type(found.config)]):  # type: ignore[misc]  # found at run time
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if name != "video_processor"]

        @classmethod
        def from_args_and_dict(cls, args: list[Any], processor_dict: Any, **kwargs: Any) -> Any:
            args.insert(super().get_attributes().index("video_processor"), None)
            return super().from_args_and_dict(args, processor_dict, **kwargs)

    return PicturesOnly
