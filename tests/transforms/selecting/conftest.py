"""Embeddings made for the tests."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Clusters = Callable[..., NDArray[np.float16]]


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def clustered() -> Clusters:
    """Return a maker of unit vectors around random centres, of cosine `within` in a cluster on average."""

    def make(
        count: int, centres: int, *, size: int = 64, within: float = 0.6, seed: int = 0
    ) -> NDArray[np.float16]:
        random = np.random.default_rng(seed)
        middles = unit(random.normal(size=(centres, size)))[random.integers(centres, size=count)]
        noise = unit(random.normal(size=(count, size)))
        return unit(middles * within**0.5 + noise * (1 - within) ** 0.5).astype(np.float16)

    return make
