"""Pictures are known by their files: equal ones are one, and broken ones are told at once."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from clip_evaluation.pictures import scan
from schemas.errors import RunError


def test_equal_files_are_one(picture: Callable[..., bytes]) -> None:
    a, b, c, d = (picture(seed) for seed in range(4))
    files = [a, b, a, c, b, d]

    def read() -> Iterator[tuple[str, bytes, int]]:
        for number, data in enumerate(files):
            yield f"file {number}", data, number

    pictures, told = scan(read)
    assert told == list(range(6))
    np.testing.assert_array_equal(pictures.clusters(), [0, 1, 0, 2, 1, 3])
    assert list(pictures.again()) == [(0, "file 0", a), (1, "file 1", b), (2, "file 3", c), (3, "file 5", d)]
    files[4] = b"x"
    with pytest.raises(RunError, match="file 4 has changed since the evaluation began"):
        list(pictures.again())
    files[4:] = [b, d, c]
    with pytest.raises(RunError, match="file 6 has changed"):
        list(pictures.again())


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ([1], r"^file 1: its picture cannot be decoded \(UnidentifiedImageError\); remove it$"),
        ([2, 5], r"^file 2: .* remove it and 1 more broken ones \(file 5\)$"),
        (range(7), r"and 6 more broken ones \(file 1, file 2, file 3, file 4, \.\.\.\)$"),
    ],
)
def test_all_broken_ones_are_counted(picture: Callable[..., bytes], broken: list[int], told: str) -> None:
    def read() -> Iterator[tuple[str, bytes, None]]:
        for number in range(8):
            yield f"file {number}", b"" if number in broken else picture(number), None

    with pytest.raises(RunError, match=told):
        scan(read)
