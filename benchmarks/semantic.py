"""Time and memory of semantic deduplication beside comparing all pairs, against the number of embeddings.

    python -m benchmarks.semantic [--sizes 10000 50000 100000] [--only NAME ...]

Embeddings are 512 numbers in float16 around a centre for every 100, of cosine 0.6 within a centre; one in
twenty has a copy of cosine 0.96 to 1. Each contender runs once in a process of its own, on one core; time is
that of the processor, without interpreter start and imports. Memory is the process's peak, and what of it is
there before the work begins. `found` is the share of the copies of which
one of the pair goes; `others` is how many samples go that are of no such pair.

- functions: k-means, assignment and comparison in clusters, without a pipeline.
- pipeline: the same as Beam runs it on the embedded engine, which holds all that it shuffles in memory.
- all pairs: every cosine in float32, a block of rows at a time, as numpy does it fastest.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from numpy.typing import NDArray

from benchmarks.clock import clocked
from schemas.selecting import SemanticConfig
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.selecting.directions import nearest, to_directions
from transforms.selecting.kmeans import find_centroids
from transforms.selecting.semantic import cluster_count, most_similar_before, sampled_share
from transforms.selecting.semantic_batch import embedded_batch
from transforms.selecting.semantic_duplicates import SemanticDuplicates

Vectors = NDArray[np.float16]
CONFIG = SemanticConfig()
SIZE, WITHIN, COPIED = 512, 0.6, 20
BATCH = 1000


def planted(count: int, seed: int) -> Vectors:
    """Return embeddings (N, 512): rows 20 n and 20 n + 1 are a pair."""
    random = np.random.default_rng(seed)
    centres = _unit(random.standard_normal((max(1, count // 100), SIZE), np.float32))
    found = np.empty((count, SIZE), np.float16)
    for start in range(0, count, 10_000):
        rows = min(10_000, count - start)
        own = _unit(random.standard_normal((rows, SIZE), np.float32))
        middles = centres[random.integers(len(centres), size=rows)]
        block = _unit(middles * WITHIN**0.5 + own * (1 - WITHIN) ** 0.5)
        angle = np.arccos(random.uniform(0.96, 1, size=(len(block[::COPIED]), 1)))
        noise = _unit(random.standard_normal((len(angle), SIZE), np.float32))
        block[1::COPIED] = (block[::COPIED] + noise * np.tan(angle))[: len(block[1::COPIED])]
        found[start : start + rows] = _unit(block)
    return found


def functions(path: str) -> list[int]:
    """Return the rows that go, without a pipeline."""
    rows = to_directions(np.load(path))
    clusters = cluster_count(CONFIG, len(rows))
    share = sampled_share(clusters, len(rows))
    lots = np.random.default_rng(0).random(len(rows))
    centroids = find_centroids(rows[lots < share], clusters, CONFIG.iterations, CONFIG.seed)
    labels, cosine = nearest(rows, centroids, CONFIG.visits)
    gone = set[int]()
    for cluster in range(len(centroids)):
        held = np.flatnonzero((labels == cluster).any(axis=1))
        held = held[np.argsort(cosine[held, 0], kind="stable")]
        _, found = most_similar_before(rows[held])
        gone.update(held[found > CONFIG.max_cosine].tolist())
    return sorted(gone)


def pipeline(path: str) -> list[int]:
    """Return the rows that go, by the pipeline."""
    count = len(np.load(path, mmap_mode="r"))

    def read(shard: int) -> tuple[int, bytes]:
        vectors = np.load(path, mmap_mode="r")
        held = range(shard * BATCH, min(count, (shard + 1) * BATCH))
        names = [f"u{n:09}" for n in held]
        return shard, to_ipc(embedded_batch(held, names, names, list(vectors[held.start : held.stop])))

    def write(shard: tuple[int, bytes], folder: str) -> None:
        Path(folder, str(shard[0])).write_bytes(shard[1])

    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(runner=FnApiRunner()) as graph:
            _ = (
                graph
                | beam.Create(range(-(-count // BATCH)))
                | beam.Map(read).with_output_types(tuple[int, bytes])
                | SemanticDuplicates(config=CONFIG, samples=count)
                | "Write" >> beam.Map(write, folder)
            )
        tables = [from_ipc(path.read_bytes()) for path in sorted(Path(folder).iterdir())]
    return [int(str(n)) for table in tables for n in table.column("index").to_pylist()]


def all_pairs(path: str) -> list[int]:
    """Return the rows that go, of all rows in the order they come."""
    rows = _unit(np.load(path).astype(np.float32))
    gone: list[int] = []
    for start in range(0, len(rows), 1024):
        products = rows[start : start + 1024] @ rows[: start + 1024].T
        held = np.arange(len(products))
        products[np.arange(products.shape[1]) >= start + held[:, None]] = -1
        gone += (start + np.flatnonzero(products.max(axis=1) > CONFIG.max_cosine)).tolist()
    return gone


CONTENDERS: dict[str, Callable[[str], list[int]]] = {
    "functions": functions,
    "pipeline": pipeline,
    "all pairs": all_pairs,
}


def measure(name: str, path: str) -> tuple[float, float, float, list[int]]:
    """Return processor seconds, MiB at the peak, MiB before the work, and the rows that go."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gone, _, cpu_s = clocked(lambda: CONTENDERS[name](path))
    return cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before, gone


def judged(gone: Sequence[int], count: int) -> tuple[float, int]:
    """Return the share of planted pairs of which one goes, and how many others go."""
    pairs = {n // COPIED for n in gone if n % COPIED < 2}
    return len(pairs) / (count // COPIED), sum(n % COPIED > 1 for n in gone)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[threads] = "1"
    print("| embeddings | clusters | | CPU s | peak, MiB | before, MiB | found | others |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for count in options.sizes:
            path = str(Path(folder, "vectors.npy"))
            np.save(path, planted(count, 0))
            for name in options.only:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    seconds, peak, before, gone = pool.apply(measure, (name, path))
                found, others = judged(gone, count)
                clusters = cluster_count(CONFIG, count) if name != "all pairs" else 1
                print(
                    f"| {count:,} | {clusters} | {name} | {seconds:.1f} | {peak:.0f} | {before:.0f} "
                    f"| {found:.3f} | {others} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
