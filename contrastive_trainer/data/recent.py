"""What was made last, kept for when it is wanted again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Makes values by key and keeps those used last. A pickled copy, for another process, begins empty.

    Args:
        make: returns the value of a key; what it raises is not kept.
        keep: how many values there are at most.
        drop: is given each key and value that is no longer kept.
    """

    def __init__(
        self, make: Callable[[Key], Value], *, keep: int, drop: Callable[[Key, Value], None] | None = None
    ) -> None:
        self._make, self._keep, self._drop = make, keep, drop
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        """Return the value of a key."""
        if key not in self._kept:
            self._kept[key] = self._make(key)
            if len(self._kept) > self._keep:
                dropped = self._kept.popitem(last=False)
                if self._drop is not None:
                    self._drop(*dropped)
        self._kept.move_to_end(key)
        return self._kept[key]

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_kept": OrderedDict()}
