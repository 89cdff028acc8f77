import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.window import slide


@asynccontextmanager
async def doubling() -> AsyncIterator[Callable[[int], Awaitable[int]]]:
    async def work(number: int) -> int:
        for _ in range(number % 5):
            await asyncio.sleep(0)
        return 2 * number

    yield work


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 60), limit=st.integers(1, 20), threads=st.integers(1, 3))
def test_each_item_comes_once_with_its_result(count: int, limit: int, threads: int) -> None:
    pulled = yielded = 0

    def items() -> Iterator[int]:
        nonlocal pulled
        for item in range(count):
            pulled += 1
            assert pulled - yielded <= limit
            yield item

    found = {}
    for item, result in slide(items(), lambda item: item + 1, doubling, limit=limit, threads=threads):
        yielded += 1
        found[item] = result
    assert yielded == count
    assert found == {item: 2 * (item + 1) for item in range(count)}


def test_what_is_finished_is_yielded_before_what_was_raised() -> None:
    @asynccontextmanager
    async def breaking() -> AsyncIterator[Callable[[int], Awaitable[int]]]:
        done = asyncio.Event()

        async def work(number: int) -> int:
            if number < 3:
                if number == 2:
                    done.set()
                return number
            await done.wait()
            raise LookupError("broken")

        yield work

    before = set(threading.enumerate())
    found = []
    with pytest.raises(LookupError, match="broken"):
        for item, _ in slide(range(9), lambda item: item, breaking, limit=4, threads=1):
            found.append(item)
    assert found == [0, 1, 2]
    assert set(threading.enumerate()) == before


def test_what_preparing_raises_is_raised() -> None:
    def refuse(item: int) -> int:
        raise ValueError(f"not {item}")

    with pytest.raises(ValueError, match="not 0"):
        list(slide(range(9), refuse, doubling, limit=3, threads=1))


def test_what_opening_raises_is_raised() -> None:
    @asynccontextmanager
    async def closed() -> AsyncIterator[Callable[[int], Awaitable[int]]]:
        raise OSError("closed")
        yield

    with pytest.raises(OSError, match="closed"):
        list(slide(range(9), lambda item: item, closed, limit=3, threads=1))


def test_it_works_beneath_a_running_loop() -> None:
    async def caller() -> list[tuple[int, int]]:
        return list(slide(range(3), lambda item: item, doubling, limit=2, threads=1))

    assert sorted(asyncio.run(caller())) == [(0, 0), (1, 2), (2, 4)]
