"""Balancing as a pipeline against the pure function over all samples."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from schemas.arrow import arrow_schema, from_table
from schemas.facts import Verdict
from schemas.selecting import BalanceConfig
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.selecting.balance import is_kept
from transforms.selecting.balance_samples import BalanceSamples, entries_batch

Sample = tuple[int, int, list[str]]
"""(shard order, index, entries)"""


def batches_of(samples: Sequence[Sample], shards: int) -> list[tuple[int, bytes]]:
    batches = []
    for order in range(shards):
        held = [(index, entries) for shard, index, entries in samples if shard == order]
        names = [f"{order}-{index}" for index, _ in held]
        rows = entries_batch([n for n, _ in held], names, [f"k{n}" for n, _ in held], [e for _, e in held])
        batches.append((order, to_ipc(rows)))
    return batches


def run(config: BalanceConfig, batches: Sequence[tuple[int, bytes]], folder: Path) -> dict[int, bytes]:
    def write(result: tuple[int, bytes]) -> None:
        with open(folder / str(result[0]), "xb") as stream:  # a shard told twice fails
            stream.write(result[1])

    folder.mkdir()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = (
            pipeline
            | beam.Create(batches, reshuffle=False)
            | BalanceSamples(config=config)
            | "Write" >> beam.Map(write)
        )
    return {int(path.name): path.read_bytes() for path in folder.iterdir()}


def told(results: Mapping[int, bytes]) -> list[tuple[int, int, str, str, str, str]]:
    found = []
    for order, data in sorted(results.items()):
        table = from_ipc(data)
        assert table.schema == arrow_schema(Verdict)
        for v in from_table(Verdict, table):
            assert (v.stage, v.kind) == ("score", "dropped")
            found.append((order, v.index, v.uid, v.key, v.reason, v.value))
    return found


def zipf(count: int, shards: int, seed: int) -> list[Sample]:
    drawn = random.Random(seed)
    names = [f"entry{n}" for n in range(40)]
    weights = [1 / (n + 1) for n in range(40)]
    return [
        (n % shards, n, drawn.choices(names, weights, k=drawn.choice([0, 1, 1, 2, 3]))) for n in range(count)
    ]


def expected_of(
    samples: Sequence[Sample], config: BalanceConfig
) -> list[tuple[int, int, str, str, str, str]]:
    counts = Counter(entry for _, _, entries in samples for entry in set(entries))
    over = {entry: count for entry, count in counts.items() if count > config.t}
    found = []
    for order, index, entries in sorted(samples, key=lambda sample: sample[:2]):
        uid = f"{order}-{index}"
        if not is_kept(uid, entries, over, config):
            _, worst = min((-counts[entry], entry) for entry in entries) if entries else (0, "")
            why = ("balanced_out", f"{worst} count {counts[worst]}") if entries else ("no_entry", config.over)
            found.append((order, index, uid, f"k{index}", *why))
    return found


@pytest.mark.parametrize("unmatched", ["drop", "keep"])
def test_equals_the_pure_function(unmatched: str, tmp_path: Path) -> None:
    config = BalanceConfig.model_validate({"t": 30, "unmatched": unmatched, "seed": 5})
    samples = zipf(1_200, 3, seed=1)
    expected = expected_of(samples, config)
    reasons = Counter(row[4] for row in expected)
    assert reasons["balanced_out"] > 100
    assert (reasons["no_entry"] > 100) == (unmatched == "drop")
    assert told(run(config, batches_of(samples, 3), tmp_path / "out")) == expected


def test_neither_order_nor_cut_matters(tmp_path: Path) -> None:
    config = BalanceConfig(t=10)
    samples = zipf(400, 3, seed=2)
    whole = run(config, batches_of(samples, 4), tmp_path / "a")
    assert told(whole)
    assert from_ipc(whole[3]).num_rows == 0
    drawn = random.Random(0)
    drawn.shuffle(samples)
    pieces = [piece for start in range(0, 400, 23) for piece in batches_of(samples[start : start + 23], 4)]
    drawn.shuffle(pieces)
    assert run(config, pieces, tmp_path / "b") == whole  # to the byte


def test_a_t_over_all_counts_keeps_all(tmp_path: Path) -> None:
    samples = zipf(300, 2, seed=3)
    results = run(BalanceConfig(t=300, unmatched="keep"), batches_of(samples, 2), tmp_path / "out")
    assert told(results) == []


def test_an_entry_counts_once_a_sample(tmp_path: Path) -> None:
    samples: list[Sample] = [(0, n, ["dog"] * 5) for n in range(10)]
    assert told(run(BalanceConfig(t=10), batches_of(samples, 1), tmp_path / "out")) == []


def test_no_shards_and_no_samples(tmp_path: Path) -> None:
    assert run(BalanceConfig(), [], tmp_path / "a") == {}
    results = run(BalanceConfig(), batches_of([], 2), tmp_path / "b")
    assert {order: from_ipc(data).num_rows for order, data in results.items()} == {0: 0, 1: 0}
