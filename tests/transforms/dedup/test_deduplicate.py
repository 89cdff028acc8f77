"""The whole of deduplication against all pairs in plain Python."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from schemas.arrow import arrow_schema, from_table
from schemas.config import DedupConfig, NearConfig
from schemas.facts import Facts, Verdict
from transforms.dedup import plan
from transforms.dedup.batch import batch_from_facts, from_ipc, to_ipc
from transforms.dedup.deduplicate import Deduplicate
from transforms.dedup.plan import make_plan
from transforms.hash_list import HASH_LIST_SCHEMA
from transforms.storage import commit_table

NEAR = NearConfig(max_distance=4, max_colour=24)
Told = dict[int, list[tuple[int, str, str, str, str]]]
"""{shard order: [(index, uid, key, reason, value)]}"""


@dataclass(frozen=True)
class Sample:
    order: int
    facts: Facts

    def priority(self) -> tuple[int, int, int]:
        return (-self.facts.width * self.facts.height, self.order, self.facts.index)


@dataclass(frozen=True)
class Entry:
    name: str
    sha256: bytes
    phash: int | None = None
    colour_grid: bytes | None = None


def near_distance(a: Facts | Entry, b: Facts | Entry, near: NearConfig | None) -> int | None:
    if near is None or a.phash is None or b.phash is None:
        return None
    if a.colour_grid is not None and b.colour_grid is not None:
        pairs = zip(a.colour_grid, b.colour_grid, strict=True)
        if any(abs(x - y) > near.max_colour for x, y in pairs):
            return None
    distance = bin(a.phash ^ b.phash).count("1")
    return distance if distance <= near.max_distance else None


def judge(
    sample: Sample, better: Sequence[Sample], entries: Sequence[Entry], config: DedupConfig
) -> tuple[str, str] | None:
    facts = sample.facts
    for entry in entries:
        if entry.sha256 == facts.sha256:
            return "evaluation_image", entry.name
    for entry in entries:
        if near_distance(entry, facts, config.near) is not None:
            return "evaluation_image", entry.name
    for other in better:
        if other.facts.uid == facts.uid:
            return "repeated_uid", facts.uid
    for other in better:
        if config.exact and other.facts.sha256 == facts.sha256:
            return "exact_duplicate", other.facts.uid
    for other in better:
        distance = near_distance(other.facts, facts, config.near)
        if distance is not None:
            return "near_duplicate", f"{other.facts.uid} distance {distance}"
    return None


def by_all_pairs(samples: Sequence[Sample], entries: Sequence[Entry], config: DedupConfig) -> Told:
    told: Told = {sample.order: [] for sample in samples}
    ranked = sorted(samples, key=Sample.priority)
    for place, sample in enumerate(ranked):
        found = judge(sample, ranked[:place], entries, config)
        if found is not None:
            told[sample.order].append((sample.facts.index, sample.facts.uid, sample.facts.key, *found))
    return {order: sorted(rows) for order, rows in told.items()}


def listing(config: DedupConfig, entries: Sequence[Entry], folder: Path) -> DedupConfig:
    """Write the entries as two lists and name them in the configuration."""
    rows = [
        {"name": e.name, "sha256": e.sha256, "phash": e.phash, "colour_grid": e.colour_grid} for e in entries
    ]
    paths = (str(folder / "a.parquet"), str(folder / "b.parquet"))
    for path, part in zip(paths, (rows[:7], rows[7:]), strict=True):
        commit_table(path, pa.Table.from_pylist(part, schema=HASH_LIST_SCHEMA))
    return config.model_copy(update={"decontaminate": paths})


def batches_of(samples: Sequence[Sample]) -> list[tuple[int, bytes]]:
    orders = sorted({s.order for s in samples})
    return [(o, to_ipc(batch_from_facts(o, [s.facts for s in samples if s.order == o]))) for o in orders]


def run(deduplicate: Deduplicate, batches: Sequence[tuple[int, bytes]], folder: Path) -> dict[int, bytes]:
    def write(result: tuple[int, bytes]) -> None:
        with open(folder / str(result[0]), "xb") as stream:  # a shard told twice fails
            stream.write(result[1])

    folder.mkdir()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(batches) | deduplicate | "Write" >> beam.Map(write)
    return {int(path.name): path.read_bytes() for path in folder.iterdir()}


def told(results: dict[int, bytes]) -> Told:
    found: Told = {}
    for order, data in results.items():
        table = from_ipc(data)
        assert table.schema == arrow_schema(Verdict)
        verdicts = from_table(Verdict, table)
        assert {(v.stage, v.kind) for v in verdicts} <= {("dedup", "dropped")}
        found[order] = [(v.index, v.uid, v.key, v.reason, v.value) for v in verdicts]
    return found


def sample(order: int, index: int, *, side: int = 100, **measured: object) -> Sample:
    facts = Facts(
        index=index,
        uid=f"{order}-{index}",
        key=f"key{index}",
        sha256=hashlib.sha256(f"{order} {index}".encode()).digest(),
        width=side,
        height=side,
    )
    return Sample(order, replace(facts, **measured))  # type: ignore[arg-type]


def shift_some(colour: bytes, rng: random.Random) -> bytes:
    return bytes(min(255, max(0, c + rng.randint(-14, 14))) for c in colour)


def planted(seed: int, count: int = 700, shards: int = 5) -> tuple[list[Sample], list[Entry]]:
    """Return samples of few uids, bytes, pictures and sizes, so that all rules meet, and a list."""
    rng = random.Random(seed)
    centres = [(rng.getrandbits(64), rng.randbytes(27)) for _ in range(count // 6)]
    samples: list[Sample] = []
    entries: list[Entry] = []
    for number in range(count):
        phash, grid = rng.choice(centres)
        for _ in range(rng.randint(0, 4)):
            phash ^= 1 << rng.randrange(64)
        colours: bytes | None = rng.choice([grid, shift_some(grid, rng), shift_some(grid, rng), None])
        if rng.random() < 0.05:
            entries.append(Entry(f"entry{number}", rng.randbytes(32), phash, colours))
            continue
        made = sample(
            rng.randrange(shards),
            number,
            side=rng.choice([100, 200]),
            phash=phash if rng.random() < 0.6 else rng.choice([None, rng.getrandbits(64)]),
            colour_grid=colours,
        )
        if samples and rng.random() < 0.1:
            made = replace(made, facts=replace(made.facts, uid=rng.choice(samples).facts.uid))
        if samples and rng.random() < 0.2:
            twin = rng.choice(samples).facts
            same = replace(made.facts, sha256=twin.sha256, phash=twin.phash, colour_grid=twin.colour_grid)
            made = replace(made, facts=same)
        if samples and rng.random() < 0.02:
            entries.append(Entry(f"entry{number}", rng.choice(samples).facts.sha256 or b""))
        samples.append(made)
    return samples, entries


@pytest.mark.parametrize(
    "config",
    [
        DedupConfig(exact=True, near=NEAR),
        DedupConfig(exact=False, near=NearConfig(max_distance=10, max_colour=255)),
        DedupConfig(exact=True),
        DedupConfig(exact=False),
    ],
    ids=["exact and near", "near only", "exact only", "neither"],
)
@pytest.mark.parametrize("with_list", [True, False])
@pytest.mark.parametrize("one_partition", [True, False])
def test_equals_all_pairs(
    config: DedupConfig, with_list: bool, one_partition: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, entries = planted(seed=3)
    entries = entries if with_list else []
    monkeypatch.setattr(plan, "PARTITION_ROWS", 1_000)
    rows = 1_000 if one_partition else 1_001
    assert (make_plan(config, rows).partitions >= 3) == (not one_partition)
    expected = by_all_pairs(samples, entries, config)
    listed = listing(config, entries, tmp_path) if with_list else config
    found = run(Deduplicate(config=listed, rows=rows), batches_of(samples), tmp_path / "out")
    assert told(found) == expected


def test_the_planted_set_meets_every_reason() -> None:
    samples, entries = planted(seed=3)
    expected = by_all_pairs(samples, entries, DedupConfig(near=NEAR))
    reasons = [row[3] for rows in expected.values() for row in rows]
    for reason in ("evaluation_image", "repeated_uid", "exact_duplicate", "near_duplicate"):
        assert reasons.count(reason) >= 20
    assert len(reasons) < 0.8 * len(samples)


def test_does_not_depend_on_how_shards_come_or_how_the_work_is_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, entries = planted(seed=4, count=300)
    config = listing(DedupConfig(near=NEAR), entries, tmp_path)
    whole = run(Deduplicate(config=config, rows=300), batches_of(samples), tmp_path / "out-a")
    rng = random.Random(0)
    rng.shuffle(samples)
    pieces = [piece for start in range(0, 300, 20) for piece in batches_of(samples[start : start + 20])]
    assert len(pieces) > 5 * 5
    rng.shuffle(pieces)
    monkeypatch.setattr(plan, "PARTITION_ROWS", 100)
    assert make_plan(config, 300).partitions == 21
    split = run(Deduplicate(config=config, rows=300), pieces, tmp_path / "out-b")
    assert split == whole  # to the byte


def test_a_chain_drops_all_but_its_head_and_names_the_best_near_sample(tmp_path: Path) -> None:
    grid = b"\x80" * 27
    a = sample(1, 0, side=300, phash=0, colour_grid=grid)
    b = sample(0, 0, side=200, phash=0b1111, colour_grid=grid)
    c = sample(0, 1, side=100, phash=0b11111111, colour_grid=grid)  # near b, 8 bits from a
    other_colour = sample(2, 0, side=50, phash=0, colour_grid=b"\xa0" * 27)
    alone = sample(2, 1, phash=None, colour_grid=grid)
    found = run(
        Deduplicate(config=DedupConfig(near=NEAR), rows=5),
        batches_of([a, b, c, other_colour, alone]),
        tmp_path / "out",
    )
    assert told(found) == {
        0: [
            (0, "0-0", "key0", "near_duplicate", "1-0 distance 4"),
            (1, "0-1", "key1", "near_duplicate", "0-0 distance 4"),
        ],
        1: [],
        2: [],
    }


def test_every_shard_gets_a_table_be_it_empty(tmp_path: Path) -> None:
    batches = [(order, to_ipc(batch_from_facts(order, []))) for order in (4, 2)]
    deduplicate = Deduplicate(config=listing(DedupConfig(near=NEAR), [], tmp_path), rows=0)
    assert told(run(deduplicate, batches, tmp_path / "out")) == {2: [], 4: []}
