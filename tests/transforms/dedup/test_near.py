"""Near duplicates within a partition."""

import numpy as np
import numpy.typing as npt
import pytest

from schemas.config import DedupConfig, NearConfig
from schemas.facts import Facts
from transforms.dedup import near as near_module
from transforms.dedup.batch import batch_from_facts, by_priority
from transforms.dedup.losers import Positions
from transforms.dedup.near import Pictures, best_neighbours, is_near, near_duplicates
from transforms.dedup.plan import Plan, make_plan

NEAR = NearConfig(max_distance=4, max_colour=10)


def pictures(phash: npt.NDArray[np.uint64], colour: npt.NDArray[np.uint8]) -> Pictures:
    grid = np.repeat(colour[:, None], 27, axis=1)
    return Pictures(phash=phash, grid=grid, has_grid=np.ones(len(phash), np.bool_))


def plan_for(rows: int) -> Plan:
    return make_plan(DedupConfig(near=NEAR), rows)


def count_comparisons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts: list[int] = []

    def counting(p: Pictures, a: Positions, b: Positions, near: NearConfig) -> npt.NDArray[np.bool_]:
        counts.append(len(a))
        return is_near(p, a, b, near)

    monkeypatch.setattr(near_module, "is_near", counting)
    return counts


def test_best_neighbours_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    centres = rng.integers(0, 2**64, 10, np.uint64)
    flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (3, 600), np.uint64), axis=0)
    some = pictures(centres[rng.integers(0, 10, 600)] ^ flips, rng.integers(0, 30, 600).astype(np.uint8))
    expected = np.arange(600)
    for i in range(600):
        for j in range(i):
            apart = (int(some.phash[i]) ^ int(some.phash[j])).bit_count()
            if apart <= 4 and abs(int(some.grid[i, 0]) - int(some.grid[j, 0])) <= 10:
                expected[i] = j
                break
    assert (expected < np.arange(600)).sum() > 100
    found = best_neighbours(some, 0, plan_for(600), NEAR)
    np.testing.assert_array_equal(found, expected)


def test_a_null_grid_is_near_any_colour() -> None:
    some = pictures(np.zeros(3, np.uint64), np.array([0, 200, 100], np.uint8))
    some.has_grid[2] = False
    a, b = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert is_near(some, a, b, NEAR).tolist() == [False, True, True]


def test_a_null_grid_is_not_a_black_one() -> None:
    grids = [b"\xff" * 27, b"\0" * 27, None]
    facts = [
        Facts(index=i, uid=f"u{i}", key="k", sha256=b"\0" * 32, phash=9, colour_grid=grid)
        for i, grid in enumerate(grids)
    ]
    losers = near_duplicates(by_priority(batch_from_facts(0, facts)), 0, plan_for(3))
    assert losers["index"].to_pylist() == [2]
    assert losers["value"].to_pylist() == ["u0 distance 0"]


def test_the_limits_of_distance_and_colour_are_within() -> None:
    some = pictures(np.array([0, 0b1111, 0b11111], np.uint64), np.array([0, 10, 11], np.uint8))
    some.grid[0, :] = 0
    assert is_near(some, np.array([0, 0, 1]), np.array([1, 2, 2]), NEAR).tolist() == [True, False, True]
    further = pictures(np.zeros(2, np.uint64), np.array([0, 11], np.uint8))
    assert is_near(further, np.array([0]), np.array([1]), NEAR).tolist() == [False]


def test_a_clump_of_near_copies_costs_linear_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count_comparisons(monkeypatch)
    n = 3_000
    single_bits = np.uint64(1) << (np.arange(n, dtype=np.uint64) % np.uint64(4))  # all within 2 bits
    some = pictures(single_bits, (np.arange(n) // 4 % 10).astype(np.uint8))
    found = best_neighbours(some, 0, plan_for(n), NEAR)
    np.testing.assert_array_equal(found, np.zeros(n))
    assert sum(counts) < 10 * n


def test_equal_pictures_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count_comparisons(monkeypatch)
    facts = [
        Facts(index=i, uid=f"u{i}", key="k", sha256=b"\0" * 32, phash=i % 2 * 0xFF, colour_grid=b"\7" * 27)
        for i in range(2_000)
    ]
    losers = near_duplicates(by_priority(batch_from_facts(0, facts)), 0, plan_for(2_000))
    assert losers["index"].to_pylist() == list(range(2, 2_000))
    assert losers["value"].to_pylist() == [f"u{i % 2} distance 0" for i in range(2, 2_000)]
    assert sum(counts) <= len(plan_for(2_000).bands.masks)
