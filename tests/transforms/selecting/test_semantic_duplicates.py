"""The whole of semantic deduplication: planted pairs, and its rule over all samples in plain numpy."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from numpy.typing import NDArray

from schemas.arrow import arrow_schema, from_table
from schemas.facts import Verdict
from schemas.selecting import SemanticConfig
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.selecting import semantic, semantic_duplicates
from transforms.selecting.directions import to_directions
from transforms.selecting.kmeans import find_centroids
from transforms.selecting.semantic_batch import embedded_batch
from transforms.selecting.semantic_duplicates import SemanticDuplicates, assign_batch

Batches = Sequence[tuple[int, bytes]]
Pool = Mapping[str, NDArray[np.float16] | None]


def cut(pool: Pool, shards: int, pieces: int, seed: int = 0) -> Batches:
    """Return the pool in batches: which shard has a sample is fixed, the rest is drawn."""
    random = np.random.default_rng(seed)
    batches = [(order, to_ipc(embedded_batch([], [], [], []))) for order in range(shards + 1)]
    for order in range(shards):
        held = np.array([n for n in range(len(pool)) if n % shards == order])
        uids = list(pool)
        for piece in np.array_split(random.permutation(held), pieces):
            names = [uids[n] for n in piece]
            rows = embedded_batch(piece.tolist(), names, [f"k{n}" for n in piece], [pool[u] for u in names])
            batches.append((order, to_ipc(rows)))
    return [batches[n] for n in random.permutation(len(batches))]


def run(transform: Any, batches: Batches, folder: Path) -> dict[int, bytes]:
    def write(result: tuple[int, bytes]) -> None:
        with open(folder / str(result[0]), "xb") as stream:  # a shard told twice fails
            stream.write(result[1])

    folder.mkdir()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(batches, reshuffle=False) | transform | "Write" >> beam.Map(write)
    return {int(path.name): path.read_bytes() for path in folder.iterdir()}


def told(results: Mapping[int, bytes]) -> dict[str, tuple[str, float]]:
    """Return {uid: (uid it resembles most, cosine)}."""
    found = {}
    for data in results.values():
        table = from_ipc(data)
        assert table.schema == arrow_schema(Verdict)
        verdicts = from_table(Verdict, table)
        assert [v.index for v in verdicts] == sorted(v.index for v in verdicts)
        for v in verdicts:
            assert (v.stage, v.kind, v.reason) == ("score", "dropped", "semantic_duplicate")
            assert v.key == f"k{v.index}"
            assert v.uid not in found
            named = re.fullmatch(r"(.*) cosine (\d\.\d{4})", v.value)
            assert named is not None
            found[v.uid] = (named[1], float(named[2]))
    return found


def by_the_rule(pool: Pool, config: SemanticConfig, clusters: int) -> dict[str, str]:
    """Return {uid: uid it resembles most} of those that go, by float64 and all pairs of a cluster."""
    uids = sorted(uid for uid, v in pool.items() if v is not None and np.isfinite(v).all() and v.any())
    vectors = np.array([pool[uid] for uid in uids], np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centroids = find_centroids(to_directions(vectors), clusters, config.iterations, config.seed) / 2.0**24
    if clusters == 1:  # then the centre is known without k-means
        centroids = vectors.sum(axis=0, keepdims=True) / np.linalg.norm(vectors.sum(axis=0))
    with_centre = vectors @ centroids.T
    home = with_centre.max(axis=1) * (1 if config.keep == "far" else -1)
    visited = np.argsort(-with_centre, axis=1)[:, : config.visits]
    gone: dict[str, tuple[float, str]] = {}
    for cluster in range(len(centroids)):
        held = np.flatnonzero((visited == cluster).any(axis=1))
        order = held[np.argsort(home[held], kind="stable")]
        upper = np.triu(vectors[order] @ vectors[order].T, 1)  # the strict upper triangle of the paper's code
        for n in np.flatnonzero(upper.max(axis=0, initial=0) > config.max_cosine):
            best = (float(upper[:, n].max()), uids[order[upper[:, n].argmax()]])
            gone[uids[order[n]]] = max(best, gone.get(uids[order[n]], best))
    return {uid: twin for uid, (_, twin) in gone.items()}


def pool_of(vectors: NDArray[np.float16]) -> dict[str, NDArray[np.float16] | None]:
    return {f"u{n * 7919 % 10_000:04}": vector for n, vector in enumerate(vectors)}


@pytest.mark.parametrize(
    ("clusters", "keep", "visits"),
    [(1, "far", 2), (1, "near", 1), (6, "far", 1), (6, "far", 3), (6, "near", 2)],
)
def test_equals_the_rule_over_all_pairs(
    clusters: int, keep: str, visits: int, clustered: Callable[..., Any], tmp_path: Path
) -> None:
    config = SemanticConfig.model_validate(
        {"clusters": clusters, "keep": keep, "max_cosine": 0.8, "visits": visits}
    )
    pool = pool_of(clustered(400, 60, size=24, within=0.8, seed=1))
    expected = by_the_rule(pool, config, clusters)
    assert 80 < len(expected) < 350
    found = told(run(SemanticDuplicates(config=config, samples=400), cut(pool, 3, 2), tmp_path / "out"))
    assert {uid: twin for uid, (twin, _) in found.items()} == expected


def test_planted_pairs_are_found(clustered: Callable[..., Any], tmp_path: Path) -> None:
    """Of 400 pictures with a copy of cosine 0.96 to 1, and 2,600 without, in 12 clusters."""
    random = np.random.default_rng(0)
    originals = clustered(3_000, 40, size=128, within=0.7, seed=2)
    noise = random.normal(size=(400, 128))
    noise *= np.tan(np.arccos(random.uniform(0.962, 1, size=400)))[:, None] / np.linalg.norm(
        noise, axis=1, keepdims=True
    )
    pool = {f"u{n:04}": vector for n, vector in enumerate(originals)}
    pool |= {f"u{n:04}copy": (originals[n] + noise[n]).astype(np.float16) for n in range(400)}
    config = SemanticConfig(clusters=12)
    results = run(SemanticDuplicates(config=config, samples=3_400), cut(pool, 4, 1), tmp_path / "out")
    pairs = {frozenset((uid, twin)) for uid, (twin, _) in told(results).items()}
    right = {pair for pair in pairs if len({uid.removesuffix("copy") for uid in pair}) == 1}
    assert len(right) / 400 >= 0.99
    assert len(right) / len(pairs) == 1


def test_neither_order_nor_cut_matters(
    clustered: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic, "MOST_SAMPLED", 100)  # so that some are sampled, and some are not
    pool = pool_of(clustered(300, 30, size=24, within=0.85, seed=3))
    config = SemanticConfig(clusters=5, max_cosine=0.85)
    transform = SemanticDuplicates(config=config, samples=300)
    whole = run(transform, cut(pool, 3, 1), tmp_path / "a")
    assert len(told(whole)) > 40
    assert run(transform, cut(pool, 3, 7, seed=5), tmp_path / "b") == whole  # to the byte
    monkeypatch.setattr(semantic_duplicates, "CENTROIDS_A_PART", 2)
    assert run(transform, cut(pool, 3, 40, seed=6), tmp_path / "c") == whole


def test_samples_that_say_nothing_are_kept(tmp_path: Path) -> None:
    one = np.array([1, 2, 3], np.float16)
    odd: list[Any] = [one * 0, one * 0, one * np.nan, one * np.nan, one * np.inf, None, None]
    pool = {f"u{n}": vector for n, vector in enumerate([*odd, one, one])}
    results = run(SemanticDuplicates(config=SemanticConfig(), samples=9), cut(pool, 2, 2), tmp_path / "out")
    assert told(results) == {"u8": ("u7", 1.0)}


@pytest.mark.parametrize("vector", [None, np.zeros(4, np.float16), np.ones(4, np.float16)])
def test_one_sample(vector: NDArray[np.float16] | None, tmp_path: Path) -> None:
    results = run(
        SemanticDuplicates(config=SemanticConfig(), samples=1), cut({"u": vector}, 1, 1), tmp_path / "out"
    )
    assert {order: from_ipc(data).num_rows for order, data in results.items()} == {0: 0, 1: 0}


def test_of_identical_pictures_the_first_by_uid_stays(tmp_path: Path) -> None:
    vector = np.random.default_rng(0).normal(size=512).astype(np.float16)
    pool = {f"u{n:02}": vector for n in range(40)}
    config = SemanticConfig(clusters=8)
    results = run(SemanticDuplicates(config=config, samples=40), cut(pool, 3, 2), tmp_path / "out")
    assert told(results) == {f"u{n:02}": ("u00", 1.0) for n in range(1, 40)}


def test_no_shards(tmp_path: Path) -> None:
    assert run(SemanticDuplicates(config=SemanticConfig(), samples=0), [], tmp_path / "out") == {}


def test_embeddings_of_two_models_are_refused() -> None:
    rows = embedded_batch([0], ["u"], ["k"], [np.ones(3, np.float16)])
    with pytest.raises(ValueError, match="embeddings have 3 and 4 numbers; give those of one model"):
        list(assign_batch((0, to_ipc(rows)), {0: np.ones((2, 4), np.float32)}, 2))
