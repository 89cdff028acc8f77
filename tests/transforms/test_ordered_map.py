"""Threads, but in order and with bounded memory."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ordered_map import ordered_map


@given(st.lists(st.integers()), st.integers(1, 8))
def test_equals_map(items: list[int], window: int) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(ordered_map(lambda x: x * 2, items, pool, window)) == [x * 2 for x in items]


def test_no_more_than_the_window_is_taken_ahead() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for n in range(100):
            taken += 1
            yield n

    with ThreadPoolExecutor(2) as pool:
        for yielded, _ in enumerate(ordered_map(str, items(), pool, 5)):
            assert taken - yielded <= 5


def test_an_error_in_a_thread_is_raised_and_the_rest_is_not_run() -> None:
    gate = threading.Event()
    ran: list[int] = []

    def work(n: int) -> None:
        if n == 0:
            raise ValueError("zero")
        gate.wait()
        ran.append(n)

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ValueError, match="zero"):
            list(ordered_map(work, range(10), pool, 10))
        gate.set()
    assert len(ran) <= 1
