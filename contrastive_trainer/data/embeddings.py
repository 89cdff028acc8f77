"""Stored embeddings of teachers: one Parquet file a shard, a row a sample (MobileCLIP's reinforced data).

Shape letters: N samples of a shard, E width.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from contrastive_trainer.data.recent import Recent
from contrastive_trainer.data.shard_list import TrainShard
from schemas.errors import ConfigError

Vectors = npt.NDArray[np.floating[Any]]


class StoredEmbeddings:
    """A folder with `00000.parquet` for `00000.tar` and so on: `uid`, `image`, and the text's column.

    Vectors are lists of floats of one width; half precision is kept as such, for each process holds those of
    `keep` shards.
    """

    def __init__(self, folder: str, text: str, *, keep: int) -> None:
        self._folder = folder
        self._columns = ("image", text)
        self._tables = Recent(self._load, keep=keep)
        self._width: int | None = None  # of the first file

    def check(self, shards: Sequence[TrainShard]) -> None:
        """Check that there is a file for each shard, and that the first is as it should be.

        The others must have vectors as wide as the first; that is seen when they are read.

        Raises:
            ConfigError: names the file that is missing or wrong.
        """
        for shard in shards:
            if not os.path.exists(self._path(shard)):
                raise ConfigError(
                    f"losses.distill: {self._path(shard)} is not there; each shard needs its file there"
                )
        uids, image_NE, _ = self._tables[self._path(shards[0])]
        rows, self._width = len(uids), image_NE.shape[1]
        if rows != shards[0].samples:
            raise self._mismatch(shards[0], f"{rows} rows for {shards[0].samples} samples")

    def row(self, shard: TrainShard, row: int, uid: str) -> tuple[Vectors, Vectors]:
        """Return the embeddings of a sample's picture and text, each of shape (E,).

        Raises:
            ConfigError: there are none for the shard, or they are of other samples; names the file.
        """
        uids, image_NE, text_NE = self._tables[self._path(shard)]
        if row >= len(uids) or uids[row] != uid:
            raise self._mismatch(shard, f"row {row}")
        return image_NE[row], text_NE[row]

    def _mismatch(self, shard: TrainShard, where: str) -> ConfigError:
        return ConfigError(
            f"losses.distill: {self._path(shard)} holds embeddings of other samples than {shard.name} "
            f"({where}); compute them again for these shards"
        )

    def _path(self, shard: TrainShard) -> str:
        stem, _ = os.path.splitext(os.path.basename(shard.name))
        return os.path.join(self._folder, f"{stem}.parquet")

    def _load(self, path: str) -> tuple[list[Any], Vectors, Vectors]:
        try:
            table = pq.read_table(path, columns=["uid", *self._columns], partitioning=None)
            image_NE, text_NE = (_matrix(table[column]) for column in self._columns)
            widths = {image_NE.shape[1], text_NE.shape[1], self._width or image_NE.shape[1]}
            if len(widths) > 1:
                raise ValueError(f"vectors of {' and '.join(map(str, sorted(widths)))} numbers")
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            line = next(iter(str(error).splitlines()), type(error).__name__)[:200]
            raise ConfigError(
                f"losses.distill: {path} cannot be used ({line}); it needs columns uid, "
                f"{' and '.join(self._columns)}, vectors of one width"
            ) from error
        return table["uid"].to_pylist(), image_NE, text_NE


def _matrix(column: "pa.ChunkedArray[Any]") -> Vectors:
    """Return a column of equally long lists of finite floats as (N, E)."""
    joined: Any = column.combine_chunks()
    if not isinstance(joined, pa.FixedSizeListArray | pa.ListArray | pa.LargeListArray):
        raise ValueError(f"a column of {joined.type}")
    flat: Any = joined.flatten()
    if joined.null_count or flat.null_count or not pa.types.is_floating(flat.type):
        raise ValueError("a vector is missing, or is not of floats")
    if not isinstance(joined, pa.FixedSizeListArray) and len(np.unique(np.diff(joined.offsets))) > 1:
        raise ValueError("vectors of different widths")
    matrix_NE: Vectors = flat.to_numpy(zero_copy_only=False).reshape(len(joined), -1)
    if not np.isfinite(matrix_NE).all():
        raise ValueError("a vector that is not finite")
    return matrix_NE
