"""What measures texts against pictures: what a configuration says of the score stage."""

import functools
import hashlib
import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from schemas.section import Section
from schemas.workers import Accelerator

_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "tokenizer.model",
)
"""What transformers reads beside the weights of a CLIP or SigLIP."""


TEMPLATE = "A photo depicts "
"""CLIP4DM's, before each text whose words are looked at (arXiv 2412.18404)."""


class ClipConfig(Section):
    """A CLIP, SigLIP or SigLIP 2 of the transformers library that scores texts: needs the extra `torch`."""

    checkpoint: str = Field(
        min_length=1, description="Folder, such as OUT/final of a training, or hub id, of a CLIP or SigLIP."
    )
    revision: str | None = Field(
        None, min_length=1, description="Of a hub id; a commit is the same model for ever."
    )
    batch_size: int = Field(32, ge=1, description="Pictures, or texts, that the model sees at once.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one.")
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Of the model; the smaller ones round a cosine in its third digit."
    )
    average_flipped: bool = Field(
        False,
        description="A score is the mean of the picture's and of its mirror image's, in which text is not "
        "read (arXiv 2309.15954).",
    )
    strip_digits: bool = Field(
        False, description="Texts are scored without their digits, which blur a score (arXiv 2309.13770)."
    )
    gpu: Accelerator = Field(
        "nvidia-l4", description="That Dataflow should give where device is cuda, as it names it."
    )

    @property
    def name(self) -> str:
        """Return the hub id, or the folder's last two names, such as train_hqclip/final: no path is told.

        A folder right in the user's own, whose name is the user's, has but one.
        """
        folder = os.path.abspath(os.path.expanduser(self.checkpoint))
        if not os.path.isdir(folder):
            return self.checkpoint
        above, last = os.path.split(folder)
        return last if above == os.path.expanduser("~") else f"{os.path.basename(above)}/{last}".lstrip("/")

    def identity(self) -> dict[str, str]:
        """Return what decides the scores; a change of it scores again, other settings do not.

        A folder counts by its last name and what is in its files, wherever it lies.
        """
        folder = os.path.expanduser(self.checkpoint)
        is_folder = os.path.isdir(folder)
        return {
            "checkpoint": os.path.basename(os.path.abspath(folder)) if is_folder else self.checkpoint,
            "revision": "" if is_folder else self.revision or "",
            "sha256": hash_folder(folder) if is_folder else "",
            "dtype": self.dtype,
            "average_flipped": str(self.average_flipped),
            "strip_digits": str(self.strip_digits),
        }


def hash_folder(folder: str) -> str:
    """Return the sha256 of what decides a checkpoint's scores: weights, settings and tokenizer."""
    inside = Path(folder)
    found = [inside / name for name in _FILES] + [*inside.glob("*.safetensors*")]
    whole = hashlib.sha256()
    for path in sorted(path for path in found if path.is_file()):
        told = path.stat()
        whole.update(f"{path.name} {_hash_file(str(path), told.st_size, told.st_mtime_ns)}\n".encode())
    return whole.hexdigest()


@functools.lru_cache(maxsize=256)
def _hash_file(path: str, size: int, mtime_ns: int) -> str:
    """Return a file's sha256; weights have gigabytes, so one that did not change is read once."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
