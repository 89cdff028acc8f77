"""Samples that were not published, for a report: with their pictures where the input still has them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from pipelines.report_draw import shares, spread
from schemas.config import RunConfig
from schemas.errors import PairwrightError
from transforms.reading.images import ImageReader
from transforms.reading.shard_paths import find_shards
from transforms.shard_job import ShardJob, plan_jobs
from transforms.steps import needs_text, plan_steps
from transforms.storage import exists, is_half_written, list_files, open_input, read_groups

_COLUMNS = ["uid", "shard", "key", "stage", "kind", "reason", "value"]
_FACTS = ["uid", "key", "alt_text", "url", "offset", "size_bytes", "sha256", "format", "width", "height",
          "language", "words"]  # fmt: skip
_NOT_SHOWN = ("offset", "size_bytes", "sha256", "uid", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One rejected sample: its row, what was measured of it, and its picture or why there is none."""

    row: Mapping[str, Any]
    facts: Mapping[str, Any]
    image: bytes
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Where the input shards and their facts lie, by the shard's name; `problem` where that is unknown."""

    jobs: Mapping[str, ShardJob] = field(default_factory=dict)
    config: RunConfig | None = None
    problem: str = ""


def rejected_rows(folder: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run's tables of rejected samples; a batch is in memory at a time."""
    for name in list_files(str(FileSystems.join(folder, "rejected"))):
        if name.endswith(".parquet") and not is_half_written(name):
            with open_input(str(FileSystems.join(folder, "rejected", name))) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(columns=_COLUMNS):
                    yield from batch.to_pylist()


def draw_rejected(folder: str, wanted: int, seed: str) -> list[dict[str, Any]]:
    """Return some rejected samples in the tables' order: as many of each reason where there are."""
    counts = Counter(map(_kind, rejected_rows(folder)))
    each = shares(counts, wanted)
    places = {kind: set(spread(counts[kind], each[kind], f"{seed}/{kind}")) for kind in counts}
    seen: Counter[str] = Counter()
    drawn = []
    for row in rejected_rows(folder):
        kind = _kind(row)
        if seen[kind] in places[kind]:
            drawn.append(row)
        seen[kind] += 1
    return drawn


def _kind(row: Mapping[str, Any]) -> str:
    return f"{row['stage']}/{row['reason']}"


def find_inputs(run: Mapping[str, Any], folder: str) -> Inputs:
    """Return where a run's input lies, if it is still there as the run read it."""
    try:
        config = RunConfig.model_validate(run["config"])
        shards = find_shards(config.input.shards)
        from_text = needs_text(plan_steps(config).values())
        work = str(FileSystems.join(folder, "work"))
        jobs = plan_jobs(config, shards, work, needs_text=from_text, evaluation=())
    except (PairwrightError, ValueError, OSError) as error:
        return Inputs(problem=f"the input cannot be found: {' '.join(str(error).split())[:200]}")
    return Inputs(jobs={job.shard.name: job for job in jobs}, config=config)


def read_rejected(rows: Sequence[Mapping[str, Any]], inputs: Inputs) -> Iterator[Refused]:
    """Yield the samples with their pictures, shard by shard, and by their place in it."""
    by_shard: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_shard.setdefault(row["shard"], []).append(row)
    for shard, same in sorted(by_shard.items()):
        job = inputs.jobs.get(shard)
        if job is None or inputs.config is None:
            problem = inputs.problem or "the input shard is not there any more"
            yield from (Refused(row=row, facts={}, image=b"", problem=problem) for row in same)
        else:
            yield from _read_shard(same, job, inputs.config)


def _read_shard(rows: Sequence[Mapping[str, Any]], job: ShardJob, config: RunConfig) -> Iterator[Refused]:
    facts = _facts(job, {(row["uid"], row["key"]) for row in rows})
    placed = sorted(rows, key=lambda row: facts.get((row["uid"], row["key"]), {}).get("offset", -1))
    with closing(ImageReader(job.shard, config.input)) as reader:
        for row in placed:
            measured = facts.get((row["uid"], row["key"]))
            if measured is None:
                problem = "its measurements are not in work/: the input changed, or another version made them"
                yield Refused(row=row, facts={}, image=b"", problem=problem)
                continue
            image, problem = _image(reader, row, measured)
            shown = {name: value for name, value in measured.items() if name not in _NOT_SHOWN and value}
            yield Refused(row=row, facts=shown, image=image, problem=problem)


def _facts(job: ShardJob, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the facts of some units of a shard; of units with the same uid and key those of the last."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        if not exists(job.facts):
            return {}
        for group in read_groups(job.facts, _FACTS):
            names = zip(group.column("uid").to_pylist(), group.column("key").to_pylist(), strict=True)
            places = [place for place, name in enumerate(names) if name in wanted]
            for row in group.take(pa.array(places, pa.int64())).to_pylist():
                found[row["uid"], row["key"]] = row
    except PairwrightError:  # a damaged table costs the pictures, not the report
        return {}
    return found


def _image(reader: ImageReader, row: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[bytes, str]:
    if row["reason"] == "oversized_image":
        return b"", "not decoded: " + row["value"]
    if facts["offset"] < 0 or facts["size_bytes"] <= 0:
        return b"", "there is no picture"
    try:
        image = reader.read(facts["offset"], facts["size_bytes"])
    except OSError:
        return b"", "the input is not what it was when the run read it"
    if facts["sha256"] is not None and sha256(image).digest() != facts["sha256"]:
        return b"", "the input is not what it was when the run read it"
    return image, ""
