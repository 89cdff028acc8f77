"""Remote shards of the next window, copied while the present one is read."""

import os
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress

from contrastive_trainer.data.copies import open_copy
from contrastive_trainer.data.remote import is_remote
from contrastive_trainer.data.shard_list import TrainShard
from schemas.errors import PairwrightError


class Prefetch:
    """Copies shards in a thread, which waits for the network and the disk, hardly ever for the interpreter.

    It has no say in what is read: a reader that needs a shard before it is here copies it, or waits for the
    copy under way. What fails is left to the reader, which says so. A copy that is under way when the process
    ends is given up, and removed when the next run begins.
    """

    def __init__(self, cache: str) -> None:
        self._cache = cache
        self._wanted: queue.SimpleQueue[Sequence[TrainShard] | None] = queue.SimpleQueue()
        self._last: list[TrainShard] = []
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def want(self, shards: Sequence[TrainShard]) -> None:
        """Have shards copied, those of one window; what was wanted before and is not begun is left."""
        if list(shards) != self._last:
            self._last = list(shards)
            self._wanted.put([shard for shard in shards if is_remote(shard.path)])

    def close(self, timeout: float = 0.0) -> None:
        """Want nothing more, and wait so many seconds for the copy under way."""
        self._wanted.put(None)
        self._thread.join(timeout)

    def _work(self) -> None:
        while (shards := self._wanted.get()) is not None:
            for shard in shards:
                if not self._wanted.empty():
                    break
                with suppress(OSError, PairwrightError):
                    os.close(open_copy(shard.path, self._cache))
