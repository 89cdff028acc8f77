"""Lots are uniform, and a function of the names alone."""

import numpy as np

from transforms.selecting.draws import draw


def test_lots_are_uniform() -> None:
    lots = np.array([draw(7, f"uid{n}") for n in range(20_000)])
    assert lots.min() >= 0
    assert lots.max() < 1
    counts = np.bincount((lots * 20).astype(int), minlength=20)
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 43.8  # chi squared, 19 degrees, p = 0.001


def test_seed_and_each_name_count() -> None:
    assert (
        len({draw(0, "a", "b"), draw(1, "a", "b"), draw(0, "a", "c"), draw(0, "b", "a"), draw(0, "ab")}) == 5
    )


def test_a_lot_is_the_same_in_every_release() -> None:
    assert draw(0, "uid", "dog") == 0.8949513562417962
    assert 0 <= draw(3, "\ud800") < 1
