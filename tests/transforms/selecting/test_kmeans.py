"""k-means beside scikit-learn's, and where there is nothing to choose."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from transforms.selecting import kmeans
from transforms.selecting.directions import SCALE, most_similar, to_directions
from transforms.selecting.kmeans import find_centroids


def loss(vectors: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean of 1 - cosine with the direction of the cluster's sum."""
    sums = [vectors[labels == label].sum(axis=0) for label in np.unique(labels)]
    return float(1 - sum(np.linalg.norm(total) for total in sums) / len(vectors))


@pytest.mark.parametrize(("centres", "clusters"), [(8, 8), (30, 30), (30, 12), (5, 40), (500, 20)])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_worse_than_scikit_learn(
    clustered: Callable[..., Any], centres: int, clusters: int, seed: int
) -> None:
    vectors = clustered(2_000, centres, seed=seed).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = KMeans(clusters, n_init=1, max_iter=100, random_state=seed).fit(vectors)
    rows = to_directions(vectors)
    found = find_centroids(rows, clusters, 100, seed)
    assert len(found) == clusters
    labels, cosine = most_similar(rows, found)
    assert loss(vectors, labels) <= 1.03 * loss(vectors, peer.labels_)
    assert 1 - cosine.mean() == pytest.approx(loss(vectors, labels), abs=1e-6)  # it has converged


def test_planted_clusters_are_found(clustered: Callable[..., Any]) -> None:
    rows = to_directions(clustered(600, 10, within=0.9, seed=3))
    labels, cosine = most_similar(rows, find_centroids(rows, 10, 25, 0))
    assert len(set(labels.tolist())) == 10
    assert cosine.min() > 0.9


def test_a_centroid_is_the_direction_of_its_rows_sum() -> None:
    rows = to_directions(np.array([[3, 4], [4, 3], [-1, 0.0]]))
    found = find_centroids(rows, 2, 10, 0)
    expected = np.array([[-SCALE, 0], [np.rint(SCALE / 2**0.5)] * 2])
    assert sorted(found.tolist()) == expected.tolist()


@pytest.mark.parametrize("clusters", [1, 2, 7])
def test_identical_rows_are_one_cluster(clusters: int) -> None:
    rows = to_directions(np.tile(np.random.default_rng(0).normal(size=512).astype(np.float16), (50, 1)))
    found = find_centroids(rows, clusters, 10, 0)
    assert len(found) == 1
    assert np.abs(found - rows[:1]).max() <= 1


def test_no_more_clusters_than_distinct_rows() -> None:
    rows = to_directions(np.repeat(np.eye(3), 4, axis=0))
    found = find_centroids(rows, 10, 10, 0)
    assert sorted(found.tolist()) == sorted((np.eye(3) * SCALE).tolist())


def test_of_nothing_there_are_none() -> None:
    assert find_centroids(np.zeros((0, 4), np.float32), 3, 10, 0).shape == (0, 4)


def test_opposite_rows_leave_their_centroid_where_it_is() -> None:
    rows = to_directions(np.array([[1.0, 0], [-1, 0]]))
    (found,) = find_centroids(rows, 1, 10, 0)
    assert found.tolist() in rows.tolist()


def test_first_centroids_come_from_a_sample(
    clustered: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = to_directions(clustered(500, 5, within=0.9))
    monkeypatch.setattr(kmeans, "SEED_ROWS", 60)
    labels, cosine = most_similar(rows, find_centroids(rows, 5, 25, 0))
    assert len(set(labels.tolist())) == 5
    assert cosine.min() > 0.9


def test_seed_decides(clustered: Callable[..., Any]) -> None:
    rows = to_directions(clustered(300, 300))
    one, again, other = (find_centroids(rows, 6, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
