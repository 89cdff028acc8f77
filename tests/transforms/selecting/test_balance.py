"""Balancing against what the probabilities say."""

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.annotation import FIELDS
from schemas.selecting import BalanceConfig
from transforms.selecting.balance import entries_of, is_kept, keep_probability, most_frequent


def fields(**written: Any) -> dict[str, Any]:
    return {**FIELDS, **written}


def kept_of(count: int, config: BalanceConfig) -> int:
    """Return how many of `count` samples with one entry of that count are kept."""
    frequent = {"dog": count} if count > config.t else {}
    return sum(is_kept(f"uid{n}", ["dog"], frequent, config) for n in range(count))


@pytest.mark.parametrize(("t", "count"), [(100, 5_000), (1_000, 5_000), (4_999, 5_000), (1, 2_000)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_about_t_samples_of_a_frequent_entry_are_kept(t: int, count: int, seed: int) -> None:
    deviation = math.sqrt(t * (1 - t / count))
    assert abs(kept_of(count, BalanceConfig(t=t, seed=seed)) - t) <= 4 * deviation + 1


@pytest.mark.parametrize("count", [1, 99, 100])
def test_all_samples_of_a_rare_entry_are_kept(count: int) -> None:
    assert kept_of(count, BalanceConfig(t=100)) == count
    assert keep_probability(count, 100) == 1


def test_any_of_its_entries_keeps_a_sample() -> None:
    config = BalanceConfig(t=100)
    frequent = {"dog": 1_000, "cat": 500, "sky": 200}
    both = sum(is_kept(f"uid{n}", ["dog", "cat", "sky"], frequent, config) for n in range(20_000))
    expected = 20_000 * (1 - 0.9 * 0.8 * 0.5)
    assert abs(both - expected) <= 4 * math.sqrt(expected * 0.36)
    for n in range(300):
        alone = [is_kept(f"uid{n}", [entry], frequent, config) for entry in frequent]
        assert is_kept(f"uid{n}", list(frequent), frequent, config) == any(alone)
    assert all(is_kept(f"uid{n}", ["dog", "axolotl"], frequent, config) for n in range(300))


def test_the_tail_gains_on_the_head() -> None:
    """A pool by Zipf's law, one entry a sample: what is left of each entry is min(count, t), about."""
    counts = {f"entry{rank}": 20_000 // rank for rank in range(1, 101)}
    config = BalanceConfig(t=500)
    frequent = {entry: count for entry, count in counts.items() if count > config.t}
    kept = Counter(
        entry
        for entry, count in counts.items()
        for n in range(count)
        if is_kept(f"{entry} {n}", [entry], frequent, config)
    )
    tail = [entry for entry in counts if entry not in frequent]
    assert all(kept[entry] == counts[entry] for entry in tail)
    share = sum(kept[entry] for entry in tail) / kept.total()
    wanted = sum(counts[e] for e in tail) / sum(min(count, config.t) for count in counts.values())
    assert share == pytest.approx(wanted, abs=0.01)
    assert share > 2 * sum(counts[entry] for entry in tail) / sum(counts.values())


@given(entries=st.lists(st.sampled_from("abcdef"), unique=True), data=st.data())
def test_the_order_of_entries_changes_nothing(entries: list[str], data: st.DataObject) -> None:
    config = BalanceConfig(t=1)
    frequent = dict.fromkeys("abcd", 5)
    shuffled = data.draw(st.permutations(entries))
    assert is_kept("uid", entries, frequent, config) == is_kept("uid", shuffled, frequent, config)


def test_seed_and_uid_draw() -> None:
    frequent = {"dog": 4}
    lots = {
        (seed, uid): is_kept(uid, ["dog"], frequent, BalanceConfig(t=2, seed=seed))
        for seed in range(20)
        for uid in map(str, range(20))
    }
    assert len({tuple(lots[seed, str(uid)] for uid in range(20)) for seed in range(20)}) == 20
    assert len({tuple(lots[seed, str(uid)] for seed in range(20)) for uid in range(20)}) == 20


def test_samples_that_name_nothing() -> None:
    assert not is_kept("uid", [], {}, BalanceConfig())
    assert is_kept("uid", [], {}, BalanceConfig(unmatched="keep"))


def test_the_most_frequent_entry_is_named() -> None:
    assert most_frequent(["sky", "dog", "cat"], {"cat": 9, "sky": 8, "dog": 9}) == "cat"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BalanceConfig(), ["a red dog", "straße".casefold()]),
        (BalanceConfig(over="phrases"), ["two cats"]),
        (BalanceConfig(over="words"), ["the", "dog's", "bone", "is", "here"]),
    ],
)
def test_entries(config: BalanceConfig, expected: list[str]) -> None:
    written = fields(
        short_positive=["A  red\u00a0dog", "a red DOG ", "Stra\u00dfe", "strasse", "  "], phrases=["two cats"]
    )
    assert entries_of(written, "The dog's bone: the bone is here!", config) == expected


def test_entries_of_nothing() -> None:
    for over in ("short_positive", "phrases", "words"):
        assert entries_of(fields(), "...", BalanceConfig.model_validate({"over": over})) == []
