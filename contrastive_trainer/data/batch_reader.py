"""Batches by step: each a pure function of the configuration and its number.

Shards are read by offset, and not as webdataset streams them: to go on in mid-epoch after a kill, with any
number of workers and ranks, needs the sample of any position at once, and webdataset (1.0.2) has no random
access. It opens what is remote (`contrastive_trainer.data.remote`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from contrastive_trainer.data.assemble import Assembled, assemble
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.collate import Encode, collate
from contrastive_trainer.data.embeddings import StoredEmbeddings, Vectors
from contrastive_trainer.data.order import EpochOrder
from contrastive_trainer.data.recent import Recent
from contrastive_trainer.data.remote import is_remote
from contrastive_trainer.data.sample import UnreadableSampleError
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import TrainShard
from schemas.errors import RunError
from schemas.train import TrainConfig

ATTEMPTS = 16
"""Samples that are tried in place of one; the later half of them from other windows of shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which rank of how many reads."""

    rank: int = 0
    ranks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    sample: Assembled
    vectors: Mapping[str, tuple[Vectors, Vectors]]  # of each teacher
    fault: str  # why it stands for another; empty where it does not


class BatchReader:
    """Reads the batch of a step: positions `step * batch` and on of the endless row of epochs.

    Batches run on over an epoch's end, so that every sample is seen exactly once an epoch. A sample that
    cannot be read is replaced by another of its window of shards, drawn by its position, and told of. May be
    copied to other processes, forked or pickled.

    Raises:
        ConfigError: a teacher has no embeddings of a shard. From `__getitem__`: they are of other samples.
        RunError: from `__getitem__`: `ATTEMPTS` samples in a row cannot be read.
    """

    def __init__(
        self,
        shards: Sequence[TrainShard],
        config: TrainConfig,
        encode: Encode,
        *,
        image_size: int,
        vocabulary: Mapping[str, int] | None = None,
        place: Place = Place(),
    ) -> None:
        self._shards = shards
        self._config = config
        self._encode = encode
        self._image_size = image_size
        self._vocabulary = vocabulary or {}
        self._place = place
        self.samples = sum(shard.samples for shard in shards)
        """Samples of an epoch."""
        keep = config.data.shuffle_shards + 1  # one more for substitutes
        self._files = ShardFiles(config.data.cache, keep=keep)
        self._orders = Recent(self._order, keep=2)
        self._teachers: dict[str, StoredEmbeddings] = {}
        if distill := config.losses.distill:
            for name, folder in distill.teachers.items():
                self._teachers[name] = StoredEmbeddings(folder, distill.text, keep=keep)
                self._teachers[name].check(shards)

    def __getitem__(self, step: int) -> Batch:
        """Return this rank's part of the batch of a step, counted from 0 over all epochs."""
        started = time.monotonic()
        count = self._config.batch // self._place.ranks
        first = step * self._config.batch + self._place.rank * count
        rows = [self._read(position) for position in range(first, first + count)]
        batch = collate(step, [row.sample for row in rows], self._config.losses, self._encode)
        return replace(
            batch,
            teacher_image_BE={name: _stack(rows, name, 0) for name in self._teachers},
            teacher_text_BE={name: _stack(rows, name, 1) for name in self._teachers},
            faults=tuple(row.fault for row in rows if row.fault),
            notes=self._files.take_notes(),
            seconds=time.monotonic() - started,
        )

    @property
    def cache(self) -> str | None:
        """The folder for copies of shards; None where no shard is remote."""
        return self._config.data.cache if any(is_remote(shard.path) for shard in self._shards) else None

    def next_window(self, step: int, last: int) -> list[TrainShard]:
        """Return the shards of the window behind that of a step; none where `last` steps end before it."""
        epoch, within = divmod(step * self._config.batch, self.samples)
        behind = epoch * self.samples + self._orders[epoch].window(within).stop
        if behind >= last * self._config.batch:
            return []
        epoch, within = divmod(behind, self.samples)
        return [self._shards[number] for number in self._orders[epoch].shards(within)]

    def _order(self, epoch: int) -> EpochOrder:
        sizes = [shard.samples for shard in self._shards]
        return EpochOrder(sizes, seed=self._config.seed, epoch=epoch, window=self._config.data.shuffle_shards)

    def _read(self, position: int) -> _Row:
        """Return the sample of a position of the endless row, or what stands for it."""
        epoch, first = divmod(position, self.samples)
        order = self._orders[epoch]
        within, fault = first, ""
        for attempt in range(ATTEMPTS):
            random = np.random.default_rng([self._config.seed, epoch, first, attempt])
            if attempt:
                reach = order.window(first) if attempt <= ATTEMPTS // 2 else range(self.samples)
                within = reach[int(random.integers(len(reach)))]
            number, row = order[within]
            try:
                return self._assemble(self._shards[number], row, random, fault)
            except (UnreadableSampleError, OSError) as error:
                fault = fault or f"{self._shards[number].name}, sample {row}: {error}"
        raise RunError(
            f"{ATTEMPTS} samples in a row cannot be read (first: {fault}); look at data.shards with "
            "`pairwright doctor`"
        )

    def _assemble(self, shard: TrainShard, row: int, random: np.random.Generator, fault: str) -> _Row:
        sample = self._files.read(shard, row)
        found = assemble(sample, self._config, self._image_size, self._vocabulary, random)
        vectors = {name: stored.row(shard, row, sample.uid) for name, stored in self._teachers.items()}
        return _Row(sample=found, vectors=vectors, fault=fault)


def _stack(rows: Sequence[_Row], teacher: str, side: int) -> Tensor:
    return torch.from_numpy(np.stack([row.vectors[teacher][side] for row in rows]).astype(np.float32))
