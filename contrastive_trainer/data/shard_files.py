"""Open shards with the index of their samples. Shape letters: see `contrastive_trainer.data.tar_index`."""

import warnings
from dataclasses import dataclass
from typing import BinaryIO

from contrastive_trainer.data.recent import Recent
from contrastive_trainer.data.remote import drop_copy, is_remote, open_copy
from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError, read_sample
from contrastive_trainer.data.shard_list import TrainShard
from contrastive_trainer.data.tar_index import Places, index_tar
from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    stream: BinaryIO
    place_NR2: Places


class ShardFiles:
    """Keeps the shards used last open: 48 bytes of memory a sample, and a file a shard.

    A remote shard is copied into `cache`, and the copy removed when it is no longer kept. A shard that cannot
    be read is not tried again while it is kept.
    """

    def __init__(self, cache: str | None, *, keep: int) -> None:
        self._cache = cache
        self._recent = Recent(self._open, keep=keep, drop=self._drop)

    def read(self, shard: TrainShard, row: int, *, picture: bool = True) -> TrainSample:
        """Return a sample of a shard; `picture` as in `read_sample`.

        Raises:
            UnreadableSampleError: there is no such sample, or it cannot be read.
            OSError: the shard cannot be read.
            ConfigError: it is remote and there is no folder for copies.
        """
        found = self._recent[shard]
        if isinstance(found, OSError):
            raise found
        if row >= len(found.place_NR2):
            raise UnreadableSampleError(f"a shard of {len(found.place_NR2)} samples, not {shard.samples}")
        uid = f"{shard.name.rpartition('/')[2]}:{row}"
        return read_sample(found.stream, found.place_NR2[row], uid, picture=picture)

    def _open(self, shard: TrainShard) -> _Open | OSError:
        try:
            stream = self._copy(shard) if is_remote(shard.path) else open(shard.path, "rb")
            try:
                place_NR2 = index_tar(stream, shard.name)
            except BaseException:
                stream.close()
                raise
        except OSError as error:
            return error
        if len(place_NR2) > shard.samples:
            warnings.warn(
                f"{shard.name} holds {len(place_NR2)} samples, but sizes.json says {shard.samples}: the "
                "others are never seen; remove sizes.json to have them counted",
                stacklevel=2,
            )
        return _Open(stream=stream, place_NR2=place_NR2)

    def _copy(self, shard: TrainShard) -> BinaryIO:
        if self._cache is None:
            raise ConfigError(
                f"data.shards: {shard.name} is remote; give data.cache, a folder for copies of shards"
            )
        return open_copy(shard.path, self._cache)

    def _drop(self, shard: TrainShard, found: _Open | OSError) -> None:
        if isinstance(found, _Open):
            found.stream.close()
            if is_remote(shard.path) and self._cache is not None:
                drop_copy(shard.path, self._cache)
