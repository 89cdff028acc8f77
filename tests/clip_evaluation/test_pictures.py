"""Pictures are known by their files: equal ones are one."""

from collections.abc import Iterator

import numpy as np
import pytest

from clip_evaluation.pictures import scan
from schemas.errors import RunError

FILES = [b"a", b"b", b"a", b"", b"b", b"c"]


def test_equal_files_are_one() -> None:
    files = list(FILES)

    def read() -> Iterator[tuple[str, bytes, int]]:
        for number, data in enumerate(files):
            yield f"file {number}", data, number

    pictures, told = scan(read)
    assert told == list(range(6))
    np.testing.assert_array_equal(pictures.clusters(), [0, 1, 0, 2, 1, 3])
    assert list(pictures.again()) == [
        (0, "file 0", b"a"), (1, "file 1", b"b"), (2, "file 3", b""), (3, "file 5", b"c"),
    ]  # fmt: skip
    files[4] = b"x"
    with pytest.raises(RunError, match="file 4 has changed since the evaluation began"):
        list(pictures.again())
    files[4:] = [b"b", b"c", b"d"]
    with pytest.raises(RunError, match="file 6 has changed"):
        list(pictures.again())
