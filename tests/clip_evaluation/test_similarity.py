"""Cosines in blocks are the cosines, and equal rows tie exactly."""

import numpy as np
import pytest

from clip_evaluation import similarity
from clip_evaluation.similarity import check_widths, row_similarities, similarity_blocks, unit_rows


def test_units() -> None:
    rows = np.array([[3.0, 4.0], [1e-30, 0.0], [1e30, 1e30]], dtype=np.float32)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(unit_rows(rows, "image"), [[0.6, 0.8], [1, 0], [half, half]], rtol=1e-6)
    assert unit_rows(rows.astype(np.float64), "image").dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (np.array([[1.0, 0], [0, 0]]), "image embedding 1 is zero"),
        (np.array([[np.nan, 0]]), "image embedding 0"),
        (np.array([[1.0, np.inf]]), "image embedding 0"),
        (np.zeros((0, 3)), "shape"),
        (np.zeros(3), "shape"),
    ],
)
def test_what_cannot_be_a_unit(rows: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        unit_rows(rows, "image")


def test_blocks_of_any_size_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = (unit_rows(rng.normal(size=(n, 8)), "image") for n in (23, 7))
    expected = (a.astype(np.float64) @ b.astype(np.float64).T).astype(np.float32)
    for elements in (1, 7, 50, 10**6):
        monkeypatch.setattr(similarity, "BLOCK_ELEMENTS", elements)
        blocks = list(similarity_blocks(a, b))
        assert [start for start, _ in blocks] == list(np.cumsum([0] + [len(x) for _, x in blocks[:-1]]))
        np.testing.assert_allclose(np.concatenate([x for _, x in blocks]), expected, atol=1e-7)


def test_equal_rows_tie_exactly_wherever_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "BLOCK_ELEMENTS", 900)
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 77))
    rows[[0, 13, 150, 299]] = rows[13]
    gallery = unit_rows(rows, "image")
    queries = unit_rows(rng.normal(size=(40, 77)), "text")
    for _, block in similarity_blocks(queries, gallery):
        assert (block[:, [0, 13, 150, 299]] == block[:, [13]]).all()


def test_rows_beside_each_other() -> None:
    rng = np.random.default_rng(2)
    a, b = (unit_rows(rng.normal(size=(5, 4)), "image") for _ in range(2))
    np.testing.assert_allclose(row_similarities(a, b), np.diag(a @ b.T), atol=1e-6)
    with pytest.raises(ValueError, match="paired"):
        row_similarities(a, b[:3])


def test_widths() -> None:
    with pytest.raises(ValueError, match="image 3, text 4"):
        check_widths(image=np.zeros((2, 3)), text=np.zeros((2, 4)))
