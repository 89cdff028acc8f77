"""What a sample says of the whole, on made-up shards of which all is known."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.plan_interval import Estimate
from pipelines.plan_read import choose_shards
from pipelines.plan_sample import Head, Sample
from schemas.facts import Facts, Verdict
from schemas.shard import Shard

SIMULATED = 400


def shard(order: int, size_bytes: int = 1000) -> Shard:
    name = f"{order:05d}.tar"
    return Shard(order=order, name=name, path=f"/{name}", size_bytes=size_bytes, format="tar")


def head(
    order: int, kept: list[bool], units: float, unit_bytes: tuple[float, ...] = (), size: int = 1000
) -> Head:
    facts = tuple(Facts(index=i, uid=f"{order}-{i}", key=str(i)) for i in range(len(kept)))
    verdicts = {
        i: Verdict(index=i, uid="", key="", stage="profile", kind="dropped", reason="words", value="")
        for i, keep in enumerate(kept)
        if not keep
    }
    return Head(shard=shard(order, size), facts=facts, verdicts=verdicts, units=units, unit_bytes=unit_bytes)


def share_kept(sample: Sample) -> Estimate:
    kept = {(h.shard.order, facts.index) for h, facts in sample.kept()}
    return sample.share(kept.__contains__)


def test_shards_are_taken_at_equal_distances() -> None:
    shards = [shard(i) for i in range(100)]
    assert [s.order for s in choose_shards(shards, 4)] == [12, 37, 62, 87]
    assert choose_shards(shards[:3], 4) == shards[:3]
    assert [s.order for s in choose_shards(shards[:5], 4)] == [0, 1, 3, 4]


def test_a_shard_counts_for_all_it_holds() -> None:
    heads = (head(0, [True] * 4, 40.0), head(1, [True, False, False, False], 10.0))
    sample = Sample(heads=heads, listed=5, bytes_in=5000)
    assert share_kept(sample).value == pytest.approx((40 + 10 / 4) / 50)
    assert sample.count().value == pytest.approx(50 / 2000 * 5000)
    measured = {(0, 0): 3.0, (0, 1): 5.0, (1, 0): 9.0}
    assert sample.mean(measured).value == pytest.approx((10 * 8 + 2.5 * 9) / (10 * 2 + 2.5))


def test_the_whole_input_is_known_and_no_more() -> None:
    heads = tuple(head(i, [True, True, i % 2 == 0], 3) for i in range(3))
    sample = Sample(heads=heads, listed=3, bytes_in=3000, known=9)
    assert (sample.count(), share_kept(sample)) == (Estimate.exact(9), Estimate.exact(8 / 9))
    assert sample.fraction == 1.0
    larger = share_kept(replace(sample, larger=True))
    assert larger.value == pytest.approx(8 / 9)
    assert larger.low < 0.75
    assert 0.95 < larger.high < 1


def test_nothing_kept_is_no_error() -> None:
    sample = Sample(heads=(head(0, [False] * 16, 100.0),), listed=1, bytes_in=1000, known=100)
    found = share_kept(sample)
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0 < found.high < 0.3
    assert sample.mean({}) == Estimate.exact(0.0)


def test_95_of_100_intervals_hold_the_count_when_shards_are_drawn() -> None:
    """Shards differ in how large their samples are; each is a multiple of its own mean."""
    draw = np.random.default_rng(3)
    held = 0
    for _ in range(SIMULATED):
        counts = draw.integers(80, 120, 200)
        means = draw.lognormal(9, 0.3, 200)
        sizes = (counts * means).astype(int)
        heads = tuple(
            head(int(i), [True] * 4, float(counts[i] * draw.normal(1, 0.1)), (1.0,) * 4, int(sizes[i]))
            for i in draw.choice(200, 16, replace=False)
        )
        found = Sample(heads=heads, listed=200, bytes_in=int(sizes.sum())).count()
        held += found.low <= counts.sum() <= found.high
    assert held / SIMULATED >= 0.91


def test_95_of_100_intervals_hold_the_count_when_all_shards_are_read() -> None:
    draw = np.random.default_rng(4)
    held = 0
    for _ in range(SIMULATED):
        heads, true = [], 0
        for order in range(4):
            sizes = draw.lognormal(8 + order / 4, 0.5, 200)
            first = sizes[:40]
            total = int(sizes.sum())
            heads.append(head(order, [True] * 40, total / first.mean(), tuple(first), total))
            true += 200
        found = Sample(heads=tuple(heads), listed=4, bytes_in=1).count()
        held += found.low <= true <= found.high
    assert 0.91 <= held / SIMULATED <= 0.98
