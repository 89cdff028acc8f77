"""Batches by step: each a pure function of the configuration and its number.

Shape letters as in `contrastive_trainer.data.batch`.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from contrastive_trainer.data.assemble import Assembled, assemble
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.data.embeddings import StoredEmbeddings
from contrastive_trainer.data.order import EpochOrder
from contrastive_trainer.data.sample import TrainSample, UnreadableSampleError, read_sample
from contrastive_trainer.data.shard_files import ShardFiles
from contrastive_trainer.data.shard_list import TrainShard
from schemas.errors import RunError
from schemas.train import TrainConfig

Encode = Callable[[Sequence[str]], Tensor]
"""Texts to tokens (N, L): int64, padded."""

MAX_SUBSTITUTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which rank of how many reads."""

    rank: int = 0
    ranks: int = 1


class BatchReader(Dataset[Batch]):
    """Reads the batch of a step: positions `step * batch` and on of the endless row of epochs.

    Batches run on over an epoch's end, so that every sample is seen exactly once an epoch. A sample that
    cannot be read is replaced by another, drawn by its position, and counted.

    Raises:
        ConfigError: from `__getitem__`: teachers' embeddings are of other samples.
        RunError: from `__getitem__`: a shard holds nothing that can be read.
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
        self._files = ShardFiles(config.data.cache, keep=2 * config.data.shuffle_shards)
        self._order = lru_cache(2)(self._epoch_order)
        self._teachers: dict[str, StoredEmbeddings] = {}
        if distill := config.losses.distill:
            keep = 2 * config.data.shuffle_shards
            for name, folder in distill.teachers.items():
                self._teachers[name] = StoredEmbeddings(folder, distill.text, keep=keep)

    @property
    def samples(self) -> int:
        """Samples of an epoch."""
        return sum(shard.samples for shard in self._shards)

    def __getitem__(self, step: int) -> Batch:
        """Return this rank's part of the batch of a step, counted from 0 over all epochs."""
        started = time.monotonic()
        count = self._config.batch // self._place.ranks
        first = step * self._config.batch + self._place.rank * count
        skipped, rows, places = 0, [], []
        for position in range(first, first + count):
            row, place, tries = self._read(position)
            rows.append(row)
            places.append(place)
            skipped += tries
        return self._collate(step, rows, places, skipped, time.monotonic() - started)

    def _epoch_order(self, epoch: int) -> EpochOrder:
        sizes = [shard.samples for shard in self._shards]
        return EpochOrder(sizes, seed=self._config.seed, epoch=epoch, window=self._config.data.shuffle_shards)

    def _sample(self, epoch: int, position: int) -> tuple[TrainSample, tuple[str, int]]:
        shard, row = self._order(epoch)[position]
        path = self._shards[shard].path
        with self._files.open(path) as (stream, index):
            if row >= len(index):
                raise UnreadableSampleError("a shard with fewer samples than sizes.json says")
            return read_sample(stream, index[row], f"{path}:{row}"), (path, row)

    def _read(self, position: int) -> tuple[Assembled, tuple[str, int], int]:
        """Return the sample of a global position, or a substitute, and how many could not be read."""
        epoch, within = divmod(position, self.samples)
        random = np.random.default_rng([self._config.seed, epoch, within])
        fault = ""
        for tries in range(MAX_SUBSTITUTES + 1):
            try:
                sample, place = self._sample(epoch, within)
                size, vocabulary = self._image_size, self._vocabulary
                return assemble(sample, self._config, size, vocabulary, random), place, tries
            except (UnreadableSampleError, OSError) as error:
                fault = str(error)
                within = int(random.integers(self.samples))
        raise RunError(
            f"{MAX_SUBSTITUTES} samples in a row cannot be read (last: {fault}); check data.shards"
        )

    def _collate(
        self, step: int, rows: list[Assembled], places: list[tuple[str, int]], skipped: int, seconds: float
    ) -> Batch:
        losses = self._config.losses
        texts = [row.drawn.text for row in rows]
        negative = self._negatives(rows, losses.hni.negatives) if losses.hni else (None, None)
        boxes = self._regions(rows, losses.regions.per_image) if losses.regions else (None, None, None)
        teachers = self._embeddings(rows, places)
        return Batch(
            step=step,
            samples=tuple(row.uid for row in rows),
            image_BCHW=torch.stack([row.image_CHW for row in rows]),
            text_BL=self._encode(texts),
            negative_BKL=negative[0],
            has_negative_BK=negative[1],
            texts_BTL=self._grid([list(row.texts) for row in rows]) if losses.multi_text else None,
            short_BL=self._encode([row.short for row in rows]) if losses.long_clip else None,
            tag_BG=_pad([row.tags for row in rows]) if losses.stc else None,
            false_tag_BG=_pad([row.false_tags for row in rows]) if losses.stc else None,
            box_BR4=boxes[0],
            phrase_BRL=boxes[1],
            has_region_BR=boxes[2],
            distill_BL=self._encode([row.distilled for row in rows]) if losses.distill else None,
            teacher_image_BE={name: pair[0] for name, pair in teachers.items()},
            teacher_text_BE={name: pair[1] for name, pair in teachers.items()},
            group_B=_groups(texts) if losses.contrastive.same_text else None,
            skipped=skipped,
            seconds=seconds,
        )

    def _grid(self, texts: list[list[str]]) -> Tensor:
        tokens = self._encode([text for row in texts for text in row])
        return tokens.view(len(texts), -1, tokens.shape[-1])

    def _negatives(self, rows: list[Assembled], count: int) -> tuple[Tensor, Tensor]:
        padded = [[*row.drawn.negatives[:count], *[""] * (count - len(row.drawn.negatives))] for row in rows]
        has_BK = torch.tensor([[k < len(row.drawn.negatives) for k in range(count)] for row in rows])
        return self._grid(padded), has_BK

    def _regions(self, rows: list[Assembled], count: int) -> tuple[Tensor, Tensor, Tensor]:
        box_BR4 = torch.zeros(len(rows), count, 4)
        has_BR = torch.zeros(len(rows), count, dtype=torch.bool)
        phrases = [[""] * count for _ in rows]
        for b, row in enumerate(rows):
            for r, (box, phrase) in enumerate(row.regions):
                box_BR4[b, r] = torch.tensor(box)
                has_BR[b, r] = True
                phrases[b][r] = phrase
        return box_BR4, self._grid(phrases), has_BR

    def _embeddings(
        self, rows: list[Assembled], places: list[tuple[str, int]]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        found = {}
        for name, stored in self._teachers.items():
            pairs = [stored.rows(*place, row.uid) for row, place in zip(rows, places, strict=True)]
            image_BE, text_BE = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
            found[name] = (image_BE, text_BE)
        return found


def _pad(rows: list[tuple[int, ...]]) -> Tensor:
    width = max(1, *map(len, rows))
    return torch.tensor([[*row, *[-1] * (width - len(row))] for row in rows], dtype=torch.int64)


def _groups(texts: list[str]) -> Tensor:
    """Return a number for each text, equal for equal ones on every rank: 63 bits of its hash."""
    marks = (hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8] for text in texts)
    return torch.tensor([int.from_bytes(mark, "big") >> 1 for mark in marks], dtype=torch.int64)
