"""Where the members of a shard's samples lie, so that any sample is read alone."""

import os
import tarfile
from dataclasses import dataclass
from itertools import groupby

IMAGES = ("jpg", "jpeg", "png", "webp")
_MAX_MEMBER_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Member:
    """The bytes of a member: where in the tar, and how many."""

    offset: int
    size: int


Members = dict[str, Member]
"""The members of a sample by ending, in lower case."""


def index_tar(path: str) -> list[Members]:
    """Return the members of each sample of an uncompressed tar: those of equal key that lie together.

    WebDataset's rule: a key ends at the first dot of the base name. A sample without a picture counts too.

    Raises:
        OSError: the file cannot be read, is no tar, or is cut off.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            found = [(m.name, Member(m.offset_data, m.size)) for m in tar if m.isreg()]
    except tarfile.TarError as error:
        raise OSError(f"{path} is no readable tar: {error}") from error
    end = os.path.getsize(path)
    for name, member in found:
        if member.offset + member.size > end:
            raise OSError(f"{path} is cut off within {name[:80]!r}")
    samples = []
    for _, group in groupby(found, key=lambda item: _key(item[0])):
        samples.append({_ending(name): member for name, member in group if member.size <= _MAX_MEMBER_BYTES})
    return samples


def _key(name: str) -> str:
    folder, _, base = name.rpartition("/")
    return f"{folder}/{base.partition('.')[0]}"


def _ending(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()
