"""Stored embeddings of teachers: one Parquet file a shard, a row a sample (MobileCLIP's reinforced data)."""

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ConfigError

Vectors = npt.NDArray[np.float32]


class StoredEmbeddings:
    """A folder with `00000.parquet` for `00000.tar` and so on: columns `image` and one named as the text.

    The tables of the shards read last are kept; a window of shards should fit (`keep`).
    """

    def __init__(self, folder: str, text: str, *, keep: int = 16) -> None:
        self._folder = folder
        self._columns = ("image", text)
        self._table = lru_cache(keep)(self._load)

    def rows(self, shard: str, row: int, uid: str) -> tuple[Vectors, Vectors]:
        """Return the embeddings of a sample's picture and text, each of shape (E,).

        Raises:
            ConfigError: there are none for the shard, or they are of other samples; names the file.
        """
        uids, image_NE, text_NE = self._table(os.path.splitext(os.path.basename(shard))[0])
        if row >= len(uids) or uids[row] != uid:
            raise ConfigError(
                f"losses.distill: {self._folder} holds embeddings of other samples than {shard} (row {row}); "
                "score this published set again"
            )
        return image_NE[row], text_NE[row]

    def _load(self, name: str) -> tuple[Sequence[str], Vectors, Vectors]:
        path = os.path.join(self._folder, f"{name}.parquet")
        try:
            table = pq.read_table(path, columns=["uid", *self._columns])
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            line = str(error).splitlines()[0][:200]
            raise ConfigError(f"losses.distill: {path} cannot be read ({line})") from error
        image_NE, text_NE = (_matrix(table[column]) for column in self._columns)
        return [str(uid) for uid in table["uid"].to_pylist()], image_NE, text_NE


def _matrix(column: Any) -> Vectors:
    return np.array(column.to_pylist(), dtype=np.float32)
