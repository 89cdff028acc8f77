"""Samples of WebDataset shards, for evaluation: whole shards or an error.

Not by the webdataset package: it opens `pipe:` names, reads members of any size into memory, and ends a
damaged shard without a word. An evaluation on fewer items than it says is worse than none.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError, RunError

MAX_MEMBER_BYTES = 64 * 2**20

_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TarSample:
    """The members of one key, by what follows the first dot of the base name; `where` says where it lies."""

    key: str
    where: str
    members: dict[str, bytes]

    def member(self, ending: str) -> bytes:
        """Return a member.

        Raises:
            RunError: the sample has none of that ending.
        """
        if ending not in self.members:
            raise RunError(f"{self.where} has no {ending}, only {', '.join(sorted(self.members))}")
        return self.members[ending]

    def text(self, ending: str) -> str:
        """Return a member as UTF-8 text.

        Raises:
            RunError: the sample has none of that ending, or it is not UTF-8.
        """
        try:
            return self.member(ending).decode()
        except UnicodeDecodeError as error:
            raise RunError(f"{self.where}: its {ending} is not UTF-8") from error


def shards_in(folder: Path) -> list[Path]:
    """Return the tars in a folder, or in its `shards` folder, by name; there may be none."""
    inner = folder / "shards"
    place = inner if inner.is_dir() else folder
    return sorted(path for path in place.glob("*.tar") if path.is_file()) if place.is_dir() else []


def list_shards(folder: Path) -> list[Path]:
    """Return the tars in a folder, or in its `shards` folder, by name.

    Raises:
        ConfigError: there are none.
    """
    shards = shards_in(folder)
    if not shards:
        if folder.is_file():
            raise ConfigError(f"{folder} is a file; give the folder that holds it")
        classes = folder.is_dir() and any(path.is_dir() for path in folder.iterdir())
        hint = ", or use kind class_folder where its folders are classes" if classes else ""
        raise ConfigError(f"{folder} has no .tar shards; give the folder that holds them{hint}")
    return shards


def read_samples(shards: list[Path]) -> Iterator[TarSample]:
    """Yield the samples of shards, in order; one sample is in memory.

    Raises:
        RunError: a shard cannot be read to its end, a member is no plain file or too large, or a sample has
            a member twice or members apart from each other.
    """
    for shard in shards:
        yield from _read_shard(shard)


def _read_shard(path: Path) -> Iterator[TarSample]:
    key, members, done = "", dict[str, bytes](), set[str]()
    for name, data in _members(path):
        folder, slash, base = name.rpartition("/")
        stem, _, ending = base.partition(".")
        own = f"{folder}{slash}{stem}"
        if own != key or not members:
            if members:
                yield TarSample(key=key, where=f"{path.name}: sample {key!r}", members=members)
                done.add(key)
            if own in done:
                raise RunError(
                    f"{path.name}: members of sample {own!r} are apart; put them beside each other"
                )
            key, members = own, {}
        if ending in members:
            raise RunError(f"{path.name}: sample {own!r} has {ending!r} twice; remove one")
        members[ending] = data
    if members:
        yield TarSample(key=key, where=f"{path.name}: sample {key!r}", members=members)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with open(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            while (info := tar.next()) is not None:
                if info.isdir():
                    continue
                yield info.name, _read(path, tar, info)
                tar.members = []  # type: ignore[attr-defined]  # it would hold every header
            stream.seek(tar.offset)
            if stream.read(_BLOCK) != bytes(_BLOCK):
                raise RunError(f"{path.name} is cut or damaged at byte {tar.offset}; fetch it again")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is not there") from error
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise RunError(f"{path.name} cannot be read ({error}); fetch it again") from error


def _read(path: Path, tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    if not info.isreg() or info.issparse():
        raise RunError(f"{path.name}: member {info.name!r} is a link, device or sparse file; remove it")
    if info.size > MAX_MEMBER_BYTES:
        raise RunError(f"{path.name}: member {info.name!r} has {info.size} bytes, over {MAX_MEMBER_BYTES}")
    member = tar.extractfile(info)
    assert member is not None
    return member.read()
