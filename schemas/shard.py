"""Where an input shard lies, and what one unit of it is."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ShardFormat = Literal["tar", "tar.gz", "parquet"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Shard:
    """One input shard.

    `name` is the path below the fixed part of the input pattern: it is the shard's identity, so that
    moving the whole set changes nothing and equal base names in two folders stay apart.

    >>> Shard(order=0, name="a/00000.tar", path="/data/a/00000.tar", size_bytes=10, format="tar").slug
    'a-00000-c54ebf36'
    """

    order: int
    name: str
    path: str
    size_bytes: int
    format: ShardFormat
    modified: float = 0.0  # seconds since 1970, as the filesystem says: another time, another content

    @property
    def stem(self) -> str:
        """The name without its ending."""
        stem = self.name
        for ending in (".tar.gz", ".tgz", ".tar", ".parquet"):
            stem = stem.removesuffix(ending)
        return stem

    @property
    def slug(self) -> str:
        """A file name for what is derived from this shard: readable, and unique by the hash of `name`."""
        readable = re.sub(r"[^A-Za-z0-9]+", "-", self.stem).strip("-")[-48:]
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"{readable}-{digest}".lstrip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit of `in`: a sample as its members group, whole or not, or a thing that is none.

    A whole unit has `read_image`; one that is not has `reason` and `value` instead. `offset` is the place of
    the image's first byte in the (decompressed) shard, or the row in a Parquet shard; with `size_bytes` it
    is enough to read the image again.
    """

    index: int
    key: str
    occurrence: int = 0
    image_name: str = ""
    offset: int = -1
    size_bytes: int = 0
    read_image: Callable[[], bytes] | None = None
    text: str | None = None
    uid: str | None = None
    url: str | None = None
    json: Mapping[str, Any] = field(default_factory=dict)
    mended: tuple[str, ...] = ()
    reason: str | None = None
    value: str | None = None


def unit_uid(shard_name: str, unit: Unit) -> str:
    """Return the unit's own uid, or 32 hex digits of the hash of its shard's name, key and occurrence."""
    if unit.uid is not None:
        return unit.uid
    identity = f"{shard_name}\0{unit.key}\0{unit.occurrence}"
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]
