"""Which kept samples of which input shards go into which output shard, from counts alone."""

from collections.abc import Sequence
from dataclasses import dataclass

KEY_DIGITS = 9
MAX_SAMPLES = 10**KEY_DIGITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The `start`th to `stop`th (excluded) kept sample of the input shard `order`."""

    order: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputShard:
    """One tar to write; `first` is the running number of its first sample."""

    number: int
    name: str
    first: int
    slices: tuple[Slice, ...]

    @property
    def size(self) -> int:
        """The number of samples in it."""
        return sum(s.stop - s.start for s in self.slices)


def sample_key(number: int) -> str:
    """Return the key of the sample with this running number.

    >>> sample_key(42)
    '000000042'
    """
    return f"{number:0{KEY_DIGITS}d}"


def plan_output(kept: Sequence[int], samples_per_shard: int) -> list[OutputShard]:
    """Lay the kept samples, in order, into shards of `samples_per_shard`; only the last may hold less.

    Args:
        kept: the number of samples kept of each input shard, in the order of the input.
        samples_per_shard: samples.

    Raises:
        ValueError: a count is negative, a shard would hold nothing, or nine-digit keys would run out.
    """
    total = sum(kept)
    if samples_per_shard < 1:
        raise ValueError(f"samples_per_shard is {samples_per_shard}; give at least 1")
    if min(kept, default=0) < 0:
        raise ValueError(
            f"input shard {min(range(len(kept)), key=kept.__getitem__)} keeps {min(kept)} samples"
        )
    if total > MAX_SAMPLES:
        raise ValueError(
            f"{total} samples need more than {KEY_DIGITS}-digit keys; publish at most {MAX_SAMPLES}"
        )
    shards = -(-total // samples_per_shard)
    digits = max(5, len(str(shards - 1)))
    slices = _cut(kept, samples_per_shard)
    return [
        OutputShard(
            number=number,
            name=f"{number:0{digits}d}.tar",
            first=number * samples_per_shard,
            slices=tuple(slices[number]),
        )
        for number in range(shards)
    ]


def _cut(kept: Sequence[int], samples_per_shard: int) -> list[list[Slice]]:
    shards: list[list[Slice]] = []
    room = 0
    for order, count in enumerate(kept):
        start = 0
        while start < count:
            if room == 0:
                shards.append([])
                room = samples_per_shard
            taken = min(room, count - start)
            shards[-1].append(Slice(order=order, start=start, stop=start + taken))
            start += taken
            room -= taken
    return shards
