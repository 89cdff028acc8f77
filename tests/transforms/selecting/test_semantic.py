"""Duplicates of one cluster against the rule of SemDeDup in plain Python."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.selecting import MAX_CLUSTERS, SemanticConfig
from transforms.selecting import semantic
from transforms.selecting.directions import cosines, to_directions
from transforms.selecting.semantic import (
    cluster_count,
    find_duplicates,
    most_similar_before,
    sampled,
    sampled_share,
)
from transforms.selecting.semantic_batch import EMBEDDED_SCHEMA, MEMBER_SCHEMA, embedded_batch, with_direction

Row = tuple[str, Sequence[float], float]
"""(uid, embedding, cosine with the centre)"""


def members(rows: Sequence[Row]) -> pa.Table:
    made = [
        {"order": 0, "index": n, "uid": uid, "key": f"k{n}", "cosine": cosine, "embedding": vector}
        for n, (uid, vector, cosine) in enumerate(rows)
    ]
    for row in made:
        row["embedding"] = np.asarray(row["embedding"], np.float16)
    return pa.Table.from_pylist(made, schema=MEMBER_SCHEMA)


def by_the_rule(rows: Sequence[Row], config: SemanticConfig) -> dict[str, tuple[str, float]]:
    """Return {uid: (uid it resembles most, cosine)} of those that go."""
    sign = 1 if config.keep == "far" else -1
    ranked = sorted(rows, key=lambda row: (sign * row[2], row[0]))
    vectors = [[float(np.float16(x)) for x in row[1]] for row in ranked]
    gone = {}
    for n in range(1, len(ranked)):
        found = [
            math.fsum(a * b for a, b in zip(vectors[n], other, strict=True))
            / (math.hypot(*vectors[n]) * math.hypot(*other))
            for other in vectors[:n]
        ]
        if max(found) > config.max_cosine:
            gone[ranked[n][0]] = (ranked[found.index(max(found))][0], max(found))
    return gone


def told(rows: pa.Table, config: SemanticConfig) -> dict[str, tuple[str, float]]:
    gone, values, weights = find_duplicates(rows, config)
    assert [value[-6:] for value in values] == [f"{weight:.4f}" for weight in weights]
    uids = gone.column("uid").to_pylist()
    assert len(set(uids)) == len(uids)
    named = [value.rsplit(" cosine ", 1) for value in values]
    return {str(uid): (twin, float(cosine)) for uid, (twin, cosine) in zip(uids, named, strict=True)}


def near(vectors: NDArray[np.float16], seed: int) -> list[Row]:
    lots = np.random.default_rng(seed).random(len(vectors))
    return [(f"u{n * 7919 % 1000:03}", vector.tolist(), float(lots[n])) for n, vector in enumerate(vectors)]


@pytest.mark.parametrize("keep", ["far", "near"])
@pytest.mark.parametrize("max_cosine", [0.7, 0.9, 0.95])
def test_equals_the_rule_in_plain_python(
    clustered: Callable[..., Any], keep: str, max_cosine: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic, "ROWS", 32)
    config = SemanticConfig.model_validate({"keep": keep, "max_cosine": max_cosine})
    rows = near(clustered(150, 40, size=16, within=0.95), seed=4)
    expected = by_the_rule(rows, config)
    assert 20 < len(expected) < 145
    found = told(members(rows), config)
    assert {uid: twin for uid, (twin, _) in found.items()} == {u: twin for u, (twin, _) in expected.items()}
    for uid, (_, cosine) in found.items():
        assert cosine == pytest.approx(expected[uid][1], abs=6e-5)


def turned(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def test_one_that_goes_still_speaks_against_those_after_it() -> None:
    chain = [("a", turned(0), 0.1), ("b", turned(15), 0.2), ("c", turned(30), 0.3)]
    config = SemanticConfig(max_cosine=0.95)  # 18.2 degrees
    assert told(members(chain), config) == {"b": ("a", 0.9659), "c": ("b", 0.9659)}
    nearest_first = SemanticConfig(max_cosine=0.95, keep="near")
    assert told(members(chain), nearest_first) == {"b": ("c", 0.9659), "a": ("b", 0.9659)}


def test_equal_cosines_with_the_centre_go_by_uid() -> None:
    rows = [("z", turned(0), 0.5), ("a", turned(0), 0.5), ("m", turned(0), 0.5)]
    assert told(members(rows), SemanticConfig()) == {"m": ("a", 1.0), "z": ("a", 1.0)}
    assert told(members(rows), SemanticConfig(keep="near")) == {"m": ("a", 1.0), "z": ("a", 1.0)}


def test_the_threshold_itself_is_kept() -> None:
    rows = [("a", [1.0, 0.0, 0.0], 0.1), ("b", [0.75, 0.5, 0.4330127], 0.2)]
    ((_, cosine),) = told(members(rows), SemanticConfig(max_cosine=0.7)).values()
    exact = cosines(*(to_directions(np.array([row[1]], np.float16)) for row in rows)).item()
    assert cosine == round(exact, 4)
    assert not told(members(rows), SemanticConfig(max_cosine=exact))
    assert told(members(rows), SemanticConfig(max_cosine=np.nextafter(exact, 0).item()))


@settings(max_examples=40)
@given(data=st.data())
def test_the_order_of_rows_changes_nothing(data: st.DataObject) -> None:
    angles = data.draw(st.lists(st.integers(0, 359), min_size=1, max_size=40))
    rows = [(f"u{n % 9}", turned(angle), (angle % 5) / 5) for n, angle in enumerate(angles)]
    table = members(rows)
    shuffled = table.take(data.draw(st.permutations(range(len(rows)))))
    config = SemanticConfig(max_cosine=0.9)
    one, values, weights = find_duplicates(table, config)
    other, others, again = find_duplicates(shuffled, config)
    assert one.to_pylist() == other.to_pylist()
    assert values == others
    assert weights.tolist() == again.tolist()


def test_a_huge_cluster_is_compared_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "ROWS", 4)
    monkeypatch.setattr(semantic, "CLUSTER_ROWS", 8)
    directions = to_directions(np.random.default_rng(0).normal(size=(40, 6)))
    every = cosines(directions, directions)
    places, found = most_similar_before(directions)
    for n in range(1, 40):
        first = max(0, n // 4 * 4 - 8)
        assert found[n] == every[n, first:n].max()
        assert places[n] == first + every[n, first:n].argmax()
    assert (places[0], found[0]) == (-1, -np.inf)


def test_a_huge_cluster_of_one_picture_leaves_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "ROWS", 4)
    monkeypatch.setattr(semantic, "CLUSTER_ROWS", 8)
    rows = [(f"u{n:02}", turned(20), 0.25) for n in range(60)]
    assert sorted(told(members(rows), SemanticConfig())) == [f"u{n:02}" for n in range(1, 60)]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_compare(count: int) -> None:
    assert told(members([("a", turned(0), 0.5)][:count]), SemanticConfig()) == {}


def test_only_rows_with_a_direction_count() -> None:
    vectors = [np.array(v, np.float16) for v in ([1, 0], [0, 0], [np.nan, 1], [np.inf, 0])]
    batch = embedded_batch(range(5), list("abcde"), list("ABCDE"), [*vectors, None])
    assert batch.schema == EMBEDDED_SCHEMA
    rows, directions = with_direction(batch)
    assert rows.column("uid").to_pylist() == ["a"]
    assert directions.tolist() == [[2**24, 0]]
    rows, directions = with_direction(batch.slice(1))
    assert (len(rows), len(directions)) == (0, 0)


def test_embeddings_of_two_models_are_refused() -> None:
    two = [np.ones(3, np.float16), np.ones(4, np.float16)]
    with pytest.raises(ValueError, match="embeddings have 3 and 4 numbers; give those of one model"):
        with_direction(embedded_batch([0, 1], ["a", "b"], ["a", "b"], two))
    with pytest.raises(ValueError, match="embedding of 'b' is float32 of 1 dimensions; give float16 of one"):
        embedded_batch([0], ["b"], ["b"], [np.ones(3, np.float32)])  # type: ignore[list-item]


def test_how_many_clusters() -> None:
    counts = [cluster_count(SemanticConfig(visits=1), n) for n in (0, 1, 8_800, 8_801, 440_000_000, 10**10)]
    assert counts == [1, 1, 1, 2, 50_000, MAX_CLUSTERS]
    assert [cluster_count(SemanticConfig(), n) for n in (0, 4_400, 4_401, 100_000)] == [1, 1, 2, 23]
    assert cluster_count(SemanticConfig(clusters=3), 10**10) == 3


def test_what_is_sampled_is_bounded_and_drawn_by_uid() -> None:
    assert sampled_share(1, 0) == sampled_share(5, 16_384) == sampled_share(300, 76_800) == 1
    assert sampled_share(5, 32_768) == 0.5
    assert sampled_share(1_000, 10**6) == 0.256
    assert sampled_share(50_000, 440_000_000) == pytest.approx(524_288 / 440_000_000)
    uids = [f"u{n}" for n in range(5_000)]
    rows = embedded_batch(range(5_000), uids, uids, [None] * 5_000)
    found = sampled(rows, 0.3, 1).column("uid").to_pylist()
    assert 0.3 * 5_000 - 4 * 32.4 < len(found) < 0.3 * 5_000 + 4 * 32.4  # four standard deviations
    again = sampled(rows.take(np.arange(5_000)[::-1]), 0.3, 1).column("uid").to_pylist()
    assert again == found[::-1]
    assert sampled(rows, 0.3, 2).column("uid").to_pylist() != found
    assert len(sampled(rows, 1.0, 1)) == 5_000
