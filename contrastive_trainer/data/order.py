"""In which order samples are seen: a pure function of (seed, epoch, position)."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt


class EpochOrder:
    """A permutation of all samples of an epoch, that needs no more memory than a window of shards.

    Shards are permuted; of so many neighbours in that order (`window`) all samples are permuted together. The
    order says nothing of ranks or workers: who takes which positions is theirs to agree on, so that a run may
    go on with other numbers of them.

    Args:
        sizes: samples of each shard.
        seed, epoch: what the permutation is drawn by (Philox counters: the same on every machine).
        window: shards that are shuffled together.

    Raises:
        ValueError: there are no samples.
    """

    def __init__(self, sizes: Sequence[int], *, seed: int, epoch: int, window: int) -> None:
        if sum(sizes) == 0:
            raise ValueError("there are no samples to order")
        self._sizes = sizes
        self._key = (seed, epoch)
        shards = self._draw(0, len(sizes))
        self._windows = [shards[start : start + window] for start in range(0, len(shards), window)]
        self._ends = list(accumulate(sum(int(sizes[s]) for s in shards) for shards in self._windows))
        self._places = lru_cache(2)(self._permute)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, position: int) -> tuple[int, int]:
        """Return the (shard, row) of a position.

        Raises:
            IndexError: the position is not in the epoch.
        """
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} is not in an epoch of {len(self)}")
        number = bisect_right(self._ends, position)
        start = self._ends[number - 1] if number else 0
        shard, row = self._places(number)[position - start]
        return int(shard), int(row)

    def shards_at(self, position: int) -> tuple[int, ...]:
        """Return the shards of the window that a position lies in."""
        return tuple(int(s) for s in self._windows[bisect_right(self._ends, position)])

    def _permute(self, number: int) -> npt.NDArray[np.int64]:
        """Return the (shard, row) pairs of a window in their order."""
        shards = self._windows[number]
        sizes = np.array([self._sizes[s] for s in shards])
        pairs = np.stack([np.repeat(shards, sizes), np.concatenate([np.arange(n) for n in sizes])], axis=1)
        return pairs[self._draw(number + 1, len(pairs))]

    def _draw(self, stream: int, length: int) -> npt.NDArray[np.int64]:
        seed, epoch = self._key
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, stream])))
        return generator.permutation(length)
