import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvlm_workers.window import slide


def sliding(*arguments: Any, **changes: Any) -> Iterator[tuple[Any, Any]]:
    """Slide over items that weigh nothing, with nobody to tell of results."""
    told = {"arrived": lambda item, result: None, "weigh": lambda _: 0, "most_bytes": 1}
    return slide(*arguments, **told | changes)


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
    for item, result in sliding(items(), lambda item: item + 1, doubling, limit=limit, threads=threads):
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
        for item, _ in sliding(range(9), lambda item: item, breaking, limit=4, threads=1):
            found.append(item)
    assert found == [0, 1, 2]
    assert set(threading.enumerate()) == before


def test_what_preparing_raises_is_raised() -> None:
    def refuse(item: int) -> int:
        raise ValueError(f"not {item}")

    with pytest.raises(ValueError, match="not 0"):
        list(sliding(range(9), refuse, doubling, limit=3, threads=1))


def test_what_opening_raises_is_raised() -> None:
    @asynccontextmanager
    async def closed() -> AsyncIterator[Callable[[int], Awaitable[int]]]:
        raise OSError("closed")
        yield

    with pytest.raises(OSError, match="closed"):
        list(sliding(range(9), lambda item: item, closed, limit=3, threads=1))


def test_it_works_beneath_a_running_loop() -> None:
    async def caller() -> list[tuple[int, int]]:
        return list(sliding(range(3), lambda item: item, doubling, limit=2, threads=1))

    assert sorted(asyncio.run(caller())) == [(0, 0), (1, 2), (2, 4)]


def test_results_are_told_of_while_the_caller_is_busy() -> None:
    told: list[tuple[int, int]] = []
    enough = threading.Event()

    def arrived(item: int, result: int) -> None:
        told.append((item, result))
        if len(told) == 3:
            enough.set()

    def items() -> Iterator[int]:
        yield from range(3)
        assert enough.wait(30)  # the caller is here, and takes no result
        yield 3

    found = dict(sliding(items(), lambda item: item, doubling, arrived=arrived, limit=9, threads=1))
    assert found == dict(told) == {item: 2 * item for item in range(4)}


def test_nothing_is_begun_between_a_result_and_the_word_of_it() -> None:
    log: list[tuple[str, int]] = []

    @asynccontextmanager
    async def one_at_a_time() -> AsyncIterator[Callable[[int], Awaitable[int]]]:
        slot = asyncio.Semaphore(1)

        async def work(number: int) -> int:
            async with slot:
                log.append(("begun", number))
                await asyncio.sleep(0)
                return number

        yield work

    def arrived(item: int, _: int) -> None:
        log.append(("kept", item))

    assert len(list(sliding(range(20), int, one_at_a_time, arrived=arrived, limit=20, threads=1))) == 20
    assert [what for what, _ in log] == ["begun", "kept"] * 20
    assert [item for what, item in log[::2]] == [item for what, item in log[1::2]]


def test_what_telling_raises_is_raised() -> None:
    def full(item: int, result: int) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        list(sliding(range(9), int, doubling, arrived=full, limit=3, threads=1))


@settings(max_examples=30, deadline=None)
@given(weights=st.lists(st.integers(0, 50), max_size=30), most=st.integers(1, 80))
def test_no_more_is_pulled_once_the_items_weigh_too_much(weights: list[int], most: int) -> None:
    held = outstanding = 0

    def items() -> Iterator[tuple[int, int]]:
        nonlocal held, outstanding
        for number, weight in enumerate(weights):
            assert held < most or not outstanding
            held += weight
            outstanding += 1
            yield number, weight

    found = []
    for item, _ in sliding(
        items(),
        lambda item: item[0],
        doubling,
        weigh=lambda item: item[1],
        most_bytes=most,
        limit=8,
        threads=1,
    ):
        held -= item[1]
        outstanding -= 1
        found.append(item)
    assert sorted(found) == list(enumerate(weights))
