"""Embeddings on disk, a chunk a file: what was computed once is not computed again.

A chunk's name is the hash of the checkpoint and of the chunk's inputs, so that a rerun, another probe or
another evaluation of the same checkpoint finds it, and a change of either does not.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LAYOUT = b"1"  # raise it when the same inputs are to be embedded in another way


class EmbeddingStore:
    """Chunks of float32 embeddings of one checkpoint in a folder."""

    def __init__(self, folder: Path, mark: str, width: int) -> None:
        self._folder = folder / mark[:16]
        self._mark = mark
        self._width = width

    def path(self, kind: str, inputs: Iterable[bytes]) -> Path:
        """Return the file of a chunk: `kind` says what was embedded and how, `inputs` are hashes."""
        digest = hashlib.sha256(b"\0".join((_LAYOUT, self._mark.encode(), kind.encode(), b"")))
        for item in inputs:
            digest.update(item)
        return self._folder / f"{kind}-{digest.hexdigest()[:32]}.npy"

    def load(self, path: Path, rows: int) -> NDArray[np.float32] | None:
        """Return a chunk; none where it is not there or not whole."""
        try:
            with open(path, "rb") as stream:
                found = np.lib.format.read_array(stream, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = found.dtype == np.float32 and found.shape == (rows, self._width)
        return found if whole else None

    def save(self, path: Path, rows_ND: NDArray[np.float32]) -> None:
        """Write a chunk under its name, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
        with open(temporary, "wb") as stream:
            np.save(stream, rows_ND, allow_pickle=False)
        os.replace(temporary, path)
