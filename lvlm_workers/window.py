"""A sliding window of asynchronous work for a caller that knows nothing of asyncio."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")
Work = Callable[[Prepared], Awaitable[Result]]


def slide(
    items: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    open_work: Callable[[], AbstractAsyncContextManager[Work[Prepared, Result]]],
    *,
    arrived: Callable[[Item, Result], None],
    weigh: Callable[[Item], int],
    limit: int,
    most_bytes: int,
    threads: int,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result as results come.

    Items are pulled in the caller's thread, one for each result it takes: at most `limit` that are not yet
    yielded, and no more once they weigh `most_bytes`. `prepare` runs in a pool of threads; what `open_work`
    yields runs in an event loop of its own thread and decides how much of it is under way at once. `arrived`
    is called there with each result before anything else is begun, however busy the caller is. What any of
    them raises is raised here. When the caller stops, everything is cancelled and has ended before the
    generator has.
    """
    source = iter(items)
    outstanding, held, more = 0, 0, True
    loop: _Loop[Item, Prepared, Result] = _Loop(open_work, arrived)
    with ThreadPoolExecutor(threads, "prepare") as pool, loop:
        try:
            while more or outstanding:
                room = more and outstanding < limit and (held < most_bytes or not outstanding)
                if room:
                    try:
                        item = next(source)
                    except StopIteration:
                        more = False
                        continue
                    outstanding += 1
                    held += weigh(item)
                    loop.start(item, pool.submit(prepare, item))
                try:
                    found = loop.done.get(block=not room)
                except Empty:
                    continue
                if isinstance(found, BaseException):
                    raise found
                outstanding -= 1
                held -= weigh(found[0])
                yield found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Loop(Generic[Item, Prepared, Result]):
    """An event loop in a thread. Results and what is raised are put in `done`."""

    def __init__(
        self,
        open_work: Callable[[], AbstractAsyncContextManager[Work[Prepared, Result]]],
        arrived: Callable[[Item, Result], None],
    ) -> None:
        self.done: SimpleQueue[tuple[Item, Result] | BaseException] = SimpleQueue()
        self._open_work = open_work
        self._arrived = arrived
        self._inbox: asyncio.Queue[tuple[Item, Future[Prepared]] | None] = asyncio.Queue()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = threading.Thread(target=self._run, name="window", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._tell(None)
        self._thread.join()

    def start(self, item: Item, prepared: "Future[Prepared]") -> None:
        """Have an item worked on once it is prepared."""
        self._tell((item, prepared))

    def _tell(self, message: tuple[Item, Future[Prepared]] | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and told why in `done`
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, message)

    def _run(self) -> None:
        try:
            with self._runner:
                self._runner.run(self._serve())
        except BaseException as error:  # else the caller would wait for ever
            self.done.put(error)

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        self._serving = asyncio.current_task()
        async with self._open_work() as work:
            try:
                while (message := await self._inbox.get()) is not None:
                    task = asyncio.create_task(self._one(*message, work))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, item: Item, prepared: "Future[Prepared]", work: Work[Prepared, Result]) -> None:
        try:
            result = await work(await asyncio.wrap_future(prepared))
            self._arrived(item, result)  # nothing is awaited between: no other work has begun since
            self.done.put((item, result))
        except Exception as error:
            self.done.put(error)
            assert self._serving is not None
            self._serving.cancel()  # nothing more is begun
