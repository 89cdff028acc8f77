"""Find the texts of other samples that a CLIP mistakes for a picture's own, once all is decided."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from numpy.typing import NDArray

from schemas.config import RunConfig
from schemas.selecting import MiningConfig
from transforms.code_mark import code_mark
from transforms.fingerprint import fingerprint
from transforms.publish.caption import choose_caption
from transforms.scoring.edit import written_fields
from transforms.scoring.judged import judged
from transforms.scoring.scored import Judged, decided, scoring_of
from transforms.selecting.draws import draw
from transforms.selecting.hard_negatives import SCHEMA, Texts, mine
from transforms.shard_job import ShardJob
from transforms.storage import commit_table, exists, read_table

_BATCH = 8192
_POOL = pa.schema([("uid", pa.string()), ("text", pa.string()), ("embedding", pa.list_(pa.float16()))])

Drawn = tuple[float, str, str, bytes]
"""A sample's lot, uid, caption, and the caption's embedding in half precision."""


def mining_of(config: RunConfig) -> MiningConfig:
    """Return the section of a run that mines negatives."""
    mining = scoring_of(config).hard_negatives
    assert mining is not None, "the run mines no negatives"
    return mining


def mined_path(job: ShardJob, config: RunConfig) -> str:
    """Return where a shard's mined negatives lie."""
    return _path(job, config, f"mined-{job.shard.slug}")


def pool_path(job: ShardJob, config: RunConfig) -> str:
    """Return where the texts lie that are chosen from; the same for every shard of a run."""
    return _path(job, config, "mining-pool")


def _path(job: ShardJob, config: RunConfig, name: str) -> str:
    mark = fingerprint(name, decided(config), code_mark("transforms/mine_negatives.py"), job.dedup_mark)
    return str(FileSystems.join(job.work, "scores", f"{name}-{mark}.parquet"))


def drawn_texts(job: ShardJob, config: RunConfig) -> list[Drawn]:
    """Return the captions of a shard's kept samples, those with the lowest lots of more than the pool."""
    return lowest(_draw(job, config), mining_of(config).pool)


def lowest(texts: Iterable[Drawn], most: int) -> list[Drawn]:
    """Return the texts with the lowest lots, in their order."""
    return nsmallest(most, texts)


def _draw(job: ShardJob, config: RunConfig) -> Iterator[Drawn]:
    for sample in _kept(job, config):
        caption = _caption(sample)
        vector = sample.scores.texts.get(caption)
        if vector is not None:
            yield draw(0, "pool", sample.facts.uid), sample.facts.uid, caption, vector.tobytes()


def pool_table(drawn: Sequence[Drawn]) -> pa.Table:
    """Return the drawn texts with their embeddings."""
    rows = [
        {"uid": uid, "text": text, "embedding": np.frombuffer(data, np.float16)}
        for _, uid, text, data in drawn
    ]
    return pa.Table.from_pylist(rows, schema=_POOL)


def read_pool(path: str) -> Texts:
    """Return the texts that were committed there."""
    table = read_table(path)
    names: dict[str, list[Any]] = {name: table[name].to_pylist() for name in ("uid", "text")}
    flat = pc.list_flatten(table["embedding"]).to_numpy()
    rows = flat.reshape(table.num_rows, -1) if table.num_rows else np.zeros((0, 1), np.float16)
    return Texts(uids=names["uid"], texts=names["text"], embeddings=rows)


@dataclass(slots=True)
class _Batch:
    uids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    images: list[NDArray[np.float16]] = field(default_factory=list)
    captions: list[NDArray[np.float16]] = field(default_factory=list)

    def add(self, sample: Judged) -> None:
        image, caption = sample.scores.image, _caption(sample)
        assert image is not None, "the scores were made without embeddings"
        self.uids.append(sample.facts.uid)
        self.texts.append(caption)
        self.images.append(image)
        self.captions.append(sample.scores.texts.get(caption, np.zeros_like(image)))

    def mine(self, pool: Texts, mining: MiningConfig) -> pa.Table:
        own = Texts(uids=self.uids, texts=self.texts, embeddings=np.stack(self.captions))
        return mine(np.stack(self.images), own, pool, most=mining.most, beta=mining.beta)


def mine_shard(job: ShardJob, config: RunConfig, pool: Callable[[], Texts]) -> None:
    """Commit the hard negatives of a shard's kept samples, where they are not yet."""
    if exists(path := mined_path(job, config)):
        return
    mining, tables, batch = mining_of(config), [SCHEMA.empty_table()], _Batch()
    for sample in _kept(job, config):
        batch.add(sample)
        if len(batch.uids) == _BATCH:
            tables.append(batch.mine(pool(), mining))
            batch = _Batch()
    if batch.uids:
        tables.append(batch.mine(pool(), mining))
    commit_table(path, pa.concat_tables(tables).combine_chunks())


def _kept(job: ShardJob, config: RunConfig) -> Iterator[Judged]:
    return (one for one in judged(job, config) if isinstance(one, Judged))


def _caption(sample: Judged) -> str:
    return choose_caption(written_fields(sample.annotations), sample.facts.alt_text)
