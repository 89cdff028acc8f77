"""Vectors at unit length."""

import numpy as np
from numpy.typing import NDArray


def unit_vectors(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return vectors (N, E) at unit length; zeros for those of zeros, or not finite."""
    wide = vectors.astype(np.float64)
    wide[~np.isfinite(wide).all(axis=1)] = 0
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    units: NDArray[np.float64] = wide / np.where(norms == 0, 1, norms)
    return units
