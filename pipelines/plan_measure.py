"""What the steps on this machine take: processor time and disk, measured on the sample."""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from statistics import fmean, median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.plan_interval import Estimate
from pipelines.plan_sample import Sample
from pipelines.plan_steps import StepPlan
from schemas.arrow import to_table
from schemas.config import DedupConfig, InputConfig
from schemas.facts import Facts
from transforms.dedup.batch import BATCH_SCHEMA, column_values, to_ipc
from transforms.dedup.deduplicate import compare_partition, spread_batch
from transforms.dedup.plan import make_plan
from transforms.publish.plan import OutputShard, Slice
from transforms.publish.write_shard import Piece, write_output_shard
from transforms.reading.images import read_images

_DEDUP_ROWS = 16_384
_JOURNAL_BYTES = 500
"""A kept reply takes so much besides its text."""
_ROW_BYTES = 250
"""A row of annotations takes about so much besides its texts, uncompressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Seconds of one core and bytes: of profile a unit, of the others a kept sample."""

    profile_s: float
    dedup_s: float
    publish_s: float
    facts_bytes: float
    published_bytes: Estimate
    index_bytes: float


def measure_local(
    sample: Sample, steps: Sequence[StepPlan], config: InputConfig, dedup: DedupConfig
) -> Local:
    """Measure profile, dedup and publish; published samples are written to a temporary file and removed."""
    profiled = [head.seconds / len(head.facts) for head in sample.heads if head.facts]
    seconds, overhead, index = _publish(sample, steps, config)
    sizes = {(h.shard.order, f.index): float(f.size_bytes) for h, f in sample.kept()}
    images = sample.mean(sizes)
    return Local(
        # The median: the first shard's time holds what is loaded once.
        profile_s=median(profiled) if profiled else 0.0,
        dedup_s=_dedup(dedup),
        publish_s=seconds,
        facts_bytes=_facts_bytes([facts for head in sample.heads for facts in head.facts]),
        published_bytes=images.plus(Estimate.exact(overhead)),
        index_bytes=index,
    )


def _facts_bytes(facts: Sequence[Facts]) -> float:
    """Return the bytes of a row of the facts table, compressed as it is committed."""
    sizes = []
    for rows in (facts, []):
        buffer = BytesIO()
        pq.write_table(to_table(Facts, rows), buffer, compression="zstd")
        sizes.append(len(buffer.getvalue()))
    return (sizes[0] - sizes[1]) / max(len(facts), 1)


def _publish(sample: Sample, steps: Sequence[StepPlan], config: InputConfig) -> tuple[float, float, float]:
    """Return a sample's seconds, its bytes in a tar besides the image, and its bytes in the index."""
    taken, number, overhead, index = 0.0, 0, list[float](), 0
    with tempfile.TemporaryDirectory(prefix="pairwright-plan-") as folder:
        path = os.path.join(folder, "00000.tar")
        for head in (head for head in sample.heads if head.kept):
            kept = head.kept
            plan = OutputShard(
                number=0, name="00000.tar", first=0, slices=(Slice(order=0, start=0, stop=len(kept)),)
            )
            began = time.process_time()
            images = read_images(head.shard, [(f.offset, f.size_bytes) for f in kept], config)
            pieces = (
                Piece(
                    facts=facts,
                    shard_name=head.shard.name,
                    annotations=[step.written[head.shard.order, facts.index] for step in steps],
                    image=image,
                )
                for facts, image in zip(kept, images, strict=True)
            )
            rows = write_output_shard(plan, pieces, path)
            taken += time.process_time() - began
            number += len(kept)
            index += rows.nbytes
            overhead += _besides(rows)
    return taken / max(number, 1), fmean(overhead) if overhead else 0.0, index / max(number, 1)


def _besides(rows: pa.Table) -> list[float]:
    """Return the bytes between the images of neighbours in a tar."""
    offsets, sizes = (column_values(rows, name) for name in ("offset", "size_bytes"))
    return [float(gap) for gap in np.diff(offsets) - sizes[:-1]]


def _dedup(config: DedupConfig) -> float:
    """Return seconds a sample, on made-up samples without duplicates: what is compared are hashes alone."""
    draw = np.random.default_rng(0)
    number = _DEDUP_ROWS
    columns = {
        "order": pa.array(np.zeros(number, np.int32)),
        "index": pa.array(np.arange(number)),
        "uid": pa.array([f"{i:032x}" for i in range(number)]),
        "key": pa.array([f"{i:09d}" for i in range(number)]),
        "sha256": pa.array([draw.bytes(32) for _ in range(number)], pa.binary(32)),
        "phash": pa.array(draw.integers(0, 2**64, number, np.uint64)),
        "colour_grid": pa.array([draw.bytes(27) for _ in range(number)], pa.binary(27)),
        "pixels": pa.array(np.full(number, 250_000)),
    }
    batch = 0, to_ipc(pa.table(columns, schema=BATCH_SCHEMA))
    plan = make_plan(config, number)
    began = time.process_time()
    for partition, rows in spread_batch(batch, plan):
        for _ in compare_partition((partition, [rows]), plan):
            pass
    return (time.process_time() - began) / number


def annotation_bytes(step: StepPlan, out: Estimate) -> Estimate:
    """Return the bytes in `work/` of a step's answer about one sample, as if nothing were compressed."""
    if step.asks:
        return out.scaled(8.0).plus(Estimate.exact(_JOURNAL_BYTES + _ROW_BYTES))
    texts = [
        len(str(dict(annotation.fields)).encode("utf-8", "replace")) for annotation in step.written.values()
    ]
    return Estimate.exact((fmean(texts) if texts else 0.0) + _ROW_BYTES)
