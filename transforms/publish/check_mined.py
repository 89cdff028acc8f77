"""Checks the table of mined negatives against the index."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow.parquet as pq

from transforms.publish.uid_spill import by_uid
from transforms.selecting.hard_negatives import SCHEMA
from transforms.storage import open_input

BATCH_ROWS = 2048
HALF_ERROR = 2.0**-9
"""Twice what a cosine of embeddings in half precision, as mined with, can differ from the index's."""
SINGLE_ERROR = 1e-6

_PUBLISHED, _OWN, _TEXT = range(3)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedTable:
    """The table and what was asked for; `most` and `beta` are None where they cannot be checked."""

    name: str
    path: str
    most: int | None
    beta: float | None

    def problems(self, published: Iterable[Row] | None) -> Iterator[str]:
        """Yield what is wrong with it, a line each that names it and, where there is one, the uid.

        A batch of rows is in memory at a time; uids and hashes of texts are spilled to the folder for
        temporary files.

        Args:
            published: uid, caption and clip_caption of all that is published; None where the index
                cannot be read.

        Raises:
            OSError, ValueError, pyarrow.ArrowException: it cannot be read.
        """
        with open_input(self.path) as stream:
            if not pq.ParquetFile(stream).schema_arrow.equals(SCHEMA):
                yield f"{self.name}: its columns are not {', '.join(SCHEMA.names)}"
                return
        found = self._check_rows()
        if published is not None:
            found = chain(found, self._check_uids(published))
        yield from (f"{self.name}: {problem}" for problem in found)

    def _rows(self) -> Iterator[dict[str, Any]]:
        with open_input(self.path) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(BATCH_ROWS):
                yield from batch.to_pylist()

    def _check_rows(self) -> Iterator[str]:
        """Yield what is wrong within the table: ranks and cosines."""
        uid, rank, last = None, 0, math.inf
        for row in self._rows():
            if not _is_whole(row):
                yield f"uid {row['uid']}: a row lacks {', '.join(name for name in row if row[name] is None)}"
                continue
            if row["uid"] != uid:
                uid, rank, last = row["uid"], 0, math.inf
            where = f"uid {uid}, rank {row['rank']}"
            if row["rank"] != rank:
                yield f"{where}: rank {rank} is expected there"
            if self.most is not None and row["rank"] == self.most:
                yield f"{where}: score.hard_negatives.most is {self.most}"
            if not abs(row["cosine"]) <= 1 + SINGLE_ERROR:
                yield f"{where}: {row['cosine']} is no cosine"
            else:
                if row["cosine"] > last:
                    yield f"{where}: a higher cosine than that of the rank before"
                last = row["cosine"]
            if row["text_uid"] == uid:
                yield f"{where}: its text is the sample's own"
            rank = row["rank"] + 1

    def _check_uids(self, published: Iterable[Row]) -> Iterator[str]:
        """Yield what the index speaks against: uids, texts, and cosines over what beta allows."""
        for part in by_uid(chain(_published(published), self._mined())):
            captions: dict[str, tuple[str, float | None]] = {}
            seen: set[str] = set()
            for uid, kind, *rest in part:
                if kind == _PUBLISHED:
                    captions[uid] = (rest[0], rest[1])
                elif kind == _OWN:
                    yield from self._check_own(uid, captions.get(uid), rest[0], again=uid in seen)
                    seen.add(uid)
                else:
                    yield from _check_text(uid, captions.get(uid), *rest)

    def _mined(self) -> Iterator[tuple[Any, ...]]:
        uid = None
        for row in filter(_is_whole, self._rows()):
            if row["uid"] != uid:
                uid = row["uid"]
                yield uid, _OWN, row["cosine"]
            yield row["text_uid"], _TEXT, _digest(row["text"]), uid, row["rank"]

    def _check_own(
        self, uid: str, own: tuple[str, float | None] | None, cosine: float, *, again: bool
    ) -> Iterator[str]:
        if again:
            yield f"uid {uid}: its negatives are in more than one place"
        if own is None:
            yield f"uid {uid}: is not published"
        elif own[1] is None:
            yield f"uid {uid}: has negatives, though its caption has no score"
        elif self.beta is not None and cosine > own[1] + self.beta + HALF_ERROR:
            own_cosine = f"its caption's {own[1]:.4f}"
            yield f"uid {uid}: cosine {cosine:.4f} is more than beta {self.beta:g} over {own_cosine}"


def _is_whole(row: Row) -> bool:
    return None not in row.values()


def _published(rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield row["uid"] or "", _PUBLISHED, _digest(row["caption"] or ""), row["clip_caption"]


def _check_text(
    text_uid: str, of: tuple[str, float | None] | None, digest: str, uid: str, rank: int
) -> Iterator[str]:
    if of is None:
        yield f"uid {uid}, rank {rank}: text_uid {text_uid} is not published"
    elif of[0] != digest:
        yield f"uid {uid}, rank {rank}: its text is not the caption of {text_uid}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
