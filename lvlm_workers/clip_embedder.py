"""Pictures and texts to embeddings of unit length, in batches.

Letters in the names of tensors and arrays: N pictures or texts, B of a batch, V views of a picture (itself,
and its mirror image where both count), E embedding.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvlm_workers.base import WorkerError
from lvlm_workers.clip_checkpoint import LoadedClip
from lvlm_workers.clip_pictures import join_inputs
from lvlm_workers.picture import UnreadablePictureError

Rows = NDArray[np.float32]


def embed_pictures(
    clip: LoadedClip, pictures: Sequence[bytes], batch_size: int, *, and_flipped: bool
) -> list[Rows | UnreadablePictureError]:
    """Return the views (V, E) of each picture, or what is wrong with it.

    Raises:
        WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
    """
    found: list[Rows | UnreadablePictureError] = []
    for start in range(0, len(pictures), batch_size):
        prepared, readable = [], []
        for data in pictures[start : start + batch_size]:
            try:
                prepared.append(clip.pictures.prepare(data, and_flipped=and_flipped))
                readable.append(len(found))
                found.append(np.empty((0, 0), np.float32))
            except UnreadablePictureError as error:
                found.append(error)
        if not prepared:
            continue
        with computing(clip, batch_size), torch.inference_mode():
            seen = clip.model.get_image_features(**join_inputs(prepared, clip.device))
            view_BE = to_rows(clip, unit(seen.pooler_output))
        for place, view_VE in zip(readable, np.split(view_BE, len(readable)), strict=True):
            found[place] = view_VE
    return found


def embed_texts(clip: LoadedClip, texts: Sequence[str], batch_size: int) -> Rows:
    """Return the embeddings (N, E) of texts; those of like length share a batch, the longest come first.

    Raises:
        WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
    """
    tokens = clip.texts.read(texts)
    order = longest_first([len(one.ids) for one in tokens])
    parts = []
    for start in range(0, len(order), batch_size):
        batch = [tokens[n] for n in order[start : start + batch_size]]
        with computing(clip, batch_size), torch.inference_mode():
            read = clip.model.get_text_features(clip.texts.lay_out(batch, clip.device))
            parts.append(to_rows(clip, unit(read.pooler_output)))
    text_NE: Rows = np.concatenate(parts)
    sorted_NE = np.empty_like(text_NE)
    sorted_NE[order] = text_NE
    return sorted_NE


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Return the places of lengths from the largest to the smallest, equal ones in their order."""
    return sorted(range(len(lengths)), key=lambda n: -lengths[n])


def unit(row_BE: Tensor) -> Tensor:
    """Return rows of length 1, in float32 at least."""
    return torch.nn.functional.normalize(row_BE.to(torch.promote_types(row_BE.dtype, torch.float32)), dim=-1)


def to_rows(clip: LoadedClip, row_BE: Tensor) -> Rows:
    """Return rows as they are kept.

    Raises:
        WorkerError: one is no direction.
    """
    found: Rows = row_BE.float().cpu().numpy()
    if not np.isfinite(found).all() or not found.any(axis=1).all():
        raise WorkerError(
            f"checkpoint {clip.name!r} embeds as NaN, infinite or 0: its weights are broken, or too "
            "large for float16; set dtype to float32, or use another"
        )
    return found


@contextmanager
def computing(clip: LoadedClip, batch_size: int) -> Iterator[None]:
    """Compute without TF32, which would round a GPU's convolutions to ten bits; say what is too large."""
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    except torch.OutOfMemoryError as error:
        raise WorkerError(
            f"checkpoint {clip.name!r}: batch_size {batch_size} takes more than the GPU's memory; lower it"
        ) from error
