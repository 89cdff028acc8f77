import numpy as np

from transforms.selecting.unit_vectors import unit_vectors


def test_length_is_one_or_nothing() -> None:
    given = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [-2, 0]], np.float16)
    found = unit_vectors(given)
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [-1, 0]])
    assert found.dtype == np.float64
    assert np.isnan(given[2, 0])  # what was given is left as it was
