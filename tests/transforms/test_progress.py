"""What a display is told."""

import multiprocessing
import threading
from collections.abc import Iterator

import pytest

from transforms.progress import COUNTED, advance, done, reset, shared


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reset()
    yield
    reset()


def test_counts_add_up_and_begin_anew() -> None:
    advance("samples")
    advance("samples", 4)
    advance("bytes", 10)
    assert (done("samples"), done("bytes")) == (5, 10)
    reset()
    assert [done(what) for what in COUNTED] == [0, 0]


def test_no_count_is_lost_between_threads() -> None:
    threads = [threading.Thread(target=lambda: [advance("samples") for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done("samples") == 8000


def test_shared_counts_are_those_of_the_block() -> None:
    counters = {what: multiprocessing.get_context("spawn").Value("q", 0) for what in COUNTED}
    advance("samples", 3)
    with shared(counters):
        assert done("samples") == 0
        advance("samples", 5)
        counters["samples"].value += 2  # as another process would
        assert done("samples") == 7
        reset()
        assert done("samples") == 0
        advance("bytes", 6)
    assert counters["bytes"].value == 6
    assert (done("samples"), done("bytes")) == (3, 0)
