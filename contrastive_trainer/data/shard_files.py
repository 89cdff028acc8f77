"""Open shards with the index of their samples. Shape letters: see `contrastive_trainer.data.tar_index`."""

import os
from dataclasses import dataclass

from contrastive_trainer.data.copies import drop_copy, open_copy
from contrastive_trainer.data.recent import Recent
from contrastive_trainer.data.remote import is_remote
from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError, read_sample
from contrastive_trainer.data.shard_list import TrainShard
from contrastive_trainer.data.tar_index import Places, index_tar
from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    descriptor: int  # its position neither matters nor changes: forked processes share it
    place_NR2: Places

    def __del__(self) -> None:
        os.close(self.descriptor)


class ShardFiles:
    """Keeps the shards used last open: 48 bytes of memory a sample, and a file a shard.

    A remote shard is copied into `cache`, and the copy removed when it is no longer kept. A shard that cannot
    be read is not tried again while it is kept.
    """

    def __init__(self, cache: str | None, *, keep: int) -> None:
        self._cache = cache
        self._recent = Recent(self._open, keep=keep, drop=self._drop)
        self._notes: list[str] = []

    def read(self, shard: TrainShard, row: int, *, picture: bool = True) -> TrainSample:
        """Return a sample of a shard; `picture` as in `read_sample`.

        Raises:
            UnreadableSampleError: there is no such sample, or it cannot be read.
            OSError: the shard cannot be read.
            ConfigError: it is remote and there is no folder for copies.
        """
        found = self._recent[shard]
        if isinstance(found, str):
            raise OSError(found)
        if row >= len(found.place_NR2):
            raise UnreadableSampleError(f"a shard of {len(found.place_NR2)} samples, not {shard.samples}")
        uid = f"{shard.name.rpartition('/')[2]}:{row}"
        return read_sample(found.descriptor, found.place_NR2[row], uid, picture=picture)

    def take_notes(self) -> tuple[str, ...]:
        """Return what is odd about the shards that were opened since this was asked last."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _open(self, shard: TrainShard) -> _Open | str:
        """Return the open shard, or what is wrong with it."""
        try:
            is_copy = is_remote(shard.path)
            descriptor = self._copy(shard) if is_copy else os.open(shard.path, os.O_RDONLY)
            try:
                place_NR2 = index_tar(descriptor, shard.name).place_NR2
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            return str(error)
        found = _Open(descriptor=descriptor, place_NR2=place_NR2)
        if len(place_NR2) > shard.samples:
            self._notes.append(
                f"{shard.name} holds {len(place_NR2)} samples, but sizes.json says {shard.samples}: the "
                "others are never seen; correct it, or remove it to have them counted, in a new --out"
            )
        return found

    def _copy(self, shard: TrainShard) -> int:
        if self._cache is None:
            raise ConfigError(
                f"data.shards: {shard.name} is remote; give data.cache, a folder for copies of shards"
            )
        return open_copy(shard.path, self._cache)

    def _drop(self, shard: TrainShard, found: _Open | str) -> None:
        if is_remote(shard.path) and self._cache is not None and isinstance(found, _Open):
            drop_copy(shard.path, self._cache)
