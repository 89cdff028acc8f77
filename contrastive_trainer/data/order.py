"""In which order samples are seen: a pure function of (seed, epoch, position)."""

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from contrastive_trainer.data.recent import Recent

Numbers = npt.NDArray[np.int64]


class EpochOrder:
    """A permutation of all samples of an epoch, that needs no more memory than a window of shards.

    Shards are permuted and dealt into windows of nearly equal numbers of shards; within a window all samples
    are permuted together. The order says nothing of ranks or workers: who takes which positions is theirs to
    agree on, so that a run may go on with other numbers of them.

    Args:
        sizes: samples of each shard.
        seed, epoch: what the permutation is drawn by.
        window: shards that are shuffled together, at most.

    Raises:
        ValueError: there are no samples.
    """

    def __init__(self, sizes: Sequence[int], *, seed: int, epoch: int, window: int) -> None:
        self._sizes = np.asarray(sizes, dtype=np.int64)
        if self._sizes.sum() == 0:
            raise ValueError("there are no samples to order")
        self._key = (seed, epoch)
        shards = self._permutation(0, len(sizes))
        self._windows = np.array_split(shards, math.ceil(len(sizes) / window))
        self._ends = np.cumsum([self._sizes[shards].sum() for shards in self._windows]).tolist()
        self._drawn = Recent(self._draw, keep=3)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, position: int) -> tuple[int, int]:
        """Return the (shard, row) of a position.

        Raises:
            IndexError: the position is not in the epoch.
        """
        number, positions = self._window(position)
        ends, order = self._drawn[number]
        place = int(order[position - positions.start])
        nth = bisect_right(ends, place)
        return int(self._windows[number][nth]), place - (ends[nth - 1] if nth else 0)

    def window(self, position: int) -> range:
        """Return the positions that share their window with one, itself among them."""
        return self._window(position)[1]

    def shards(self, position: int) -> list[int]:
        """Return the shards of the window of a position."""
        found: list[int] = self._windows[self._window(position)[0]].tolist()
        return found

    def _window(self, position: int) -> tuple[int, range]:
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} is not in an epoch of {len(self)}")
        number = bisect_right(self._ends, position)
        return number, range(self._ends[number - 1] if number else 0, self._ends[number])

    def _draw(self, number: int) -> tuple[list[int], Numbers]:
        """Return where the window's shards end, one behind the other, and the order of all their rows."""
        ends = np.cumsum(self._sizes[self._windows[number]]).tolist()
        return ends, self._permutation(number + 1, ends[-1])

    def _permutation(self, stream: int, length: int) -> Numbers:
        """Return a permutation that is the same on every machine and with every NumPy.

        Drawn bits are sorted, as NumPy promises that those never change, and not that its own permutation
        does not (NEP 19): a run that resumes after an upgrade must not see samples twice.
        """
        generator = np.random.Philox(np.random.SeedSequence([*self._key, stream]))
        return np.argsort(generator.random_raw(length), kind="stable")
