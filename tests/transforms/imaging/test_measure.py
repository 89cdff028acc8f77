import math
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from schemas.colour_names import colour_table
from schemas.facts import COLOURS
from transforms.imaging.measure import Measures, measure_thumbs
from transforms.imaging.perceptual_hash import perceptual_hashes


def _thumbs(count: int, seed: int = 0) -> np.ndarray:
    """Return smooth and rough pictures by turns."""
    generator = np.random.default_rng(seed)
    rough = generator.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    y, x = np.mgrid[:64, :64]
    smooth = np.stack([x * 4, y * 4, (x + y) * 2], axis=-1).astype(np.uint8)
    rough[::2] = smooth // 2 + rough[::2] // 8
    return rough


@pytest.fixture(scope="module")
def thumbs() -> np.ndarray:
    return _thumbs(11)


@pytest.fixture(scope="module")
def measures(thumbs: np.ndarray) -> Measures:
    return measure_thumbs(thumbs)


def _luma(thumb: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(thumb).convert("L"), dtype=np.int64)


def test_brightness_and_contrast_are_those_of_pillows_luma(thumbs: np.ndarray, measures: Measures) -> None:
    for place, thumb in enumerate(thumbs):
        values = _luma(thumb).ravel().tolist()
        mean = sum(values) / 4096
        assert measures.brightness[place] == mean
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / 4096)
        assert measures.contrast[place] == pytest.approx(deviation, rel=1e-12)


def test_entropy(thumbs: np.ndarray, measures: Measures) -> None:
    for place, thumb in enumerate(thumbs):
        shares = [n / 4096 for n in Counter(_luma(thumb).ravel().tolist()).values()]
        assert measures.entropy[place] == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-6)


def test_sharpness(thumbs: np.ndarray, measures: Measures) -> None:
    for place, thumb in enumerate(thumbs[:3]):
        luma = _luma(thumb).tolist()
        laplacian = [
            luma[y - 1][x] + luma[y + 1][x] + luma[y][x - 1] + luma[y][x + 1] - 4 * luma[y][x]
            for y in range(1, 63)
            for x in range(1, 63)
        ]
        mean = sum(laplacian) / len(laplacian)
        variance = math.fsum((value - mean) ** 2 for value in laplacian) / len(laplacian)
        assert measures.sharpness[place] == pytest.approx(variance, rel=1e-12)


def test_the_colour_grid(thumbs: np.ndarray, measures: Measures) -> None:
    edges = (0, 21, 43, 64)
    for place, thumb in enumerate(thumbs):
        for cell in range(9):
            row, column = divmod(cell, 3)
            part = thumb[edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
            mean = part.reshape(-1, 3).astype(float).mean(axis=0)
            assert np.abs(measures.colour_grid[place, cell] - mean).max() <= 0.5 + 1e-9


def test_colour_shares(thumbs: np.ndarray, measures: Measures) -> None:
    table = colour_table()
    for place, thumb in enumerate(thumbs[:3]):
        counts = Counter(
            int(table[r // 16 * 256 + g // 16 * 16 + b // 16]) for r, g, b in thumb.reshape(-1, 3).tolist()
        )
        assert measures.colour_shares[place].tolist() == [counts[name] / 4096 for name in range(len(COLOURS))]


def test_a_planted_colour_has_its_share() -> None:
    thumb = np.full((64, 64, 3), 255, dtype=np.uint8)
    thumb[:16] = (220, 20, 30)
    shares = dict(zip(COLOURS, measure_thumbs(thumb[None]).colour_shares[0].tolist(), strict=True))
    assert {name: share for name, share in shares.items() if share} == {"red": 0.25, "white": 0.75}


def test_the_hash_is_that_of_the_luma(thumbs: np.ndarray, measures: Measures) -> None:
    luma = np.stack([_luma(thumb).astype(np.uint8) for thumb in thumbs])
    assert measures.phash.tolist() == perceptual_hashes(luma).tolist()
    assert measures.phash_valid.all()


def test_extremes() -> None:
    flat = np.stack([np.full((64, 64, 3), level, dtype=np.uint8) for level in (0, 255)])
    measures = measure_thumbs(flat)
    assert measures.brightness.tolist() == [0, 255]
    for values in (measures.contrast, measures.sharpness, measures.entropy):
        assert values.tolist() == [0, 0]
    assert measures.phash_valid.tolist() == [False, False]
    board = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    checked = measure_thumbs(np.repeat(board.astype(np.uint8)[None, ..., None], 3, axis=-1))
    # Every inner pixel differs from its four neighbours by 255, in both directions equally often.
    assert checked.sharpness.tolist() == [1020.0**2]
    assert (checked.contrast.tolist(), checked.entropy.tolist()) == ([127.5], [1.0])


def test_a_hash_needs_a_contrast_of_two() -> None:
    stripes = np.zeros((2, 64, 64, 3), dtype=np.uint8)
    stripes[0, :, ::2], stripes[1, :, ::2] = 3, 4
    measures = measure_thumbs(stripes)
    assert measures.contrast.tolist() == [1.5, 2.0]
    assert measures.phash_valid.tolist() == [False, True]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 17])
def test_the_batch_does_not_matter(count: int) -> None:
    thumbs = _thumbs(17)
    together, whole = measure_thumbs(thumbs[:count]), measure_thumbs(thumbs)
    for name in ("phash", "colour_grid", "colour_shares", "brightness", "contrast", "sharpness", "entropy"):
        assert getattr(together, name).tolist() == getattr(whole, name)[:count].tolist()
