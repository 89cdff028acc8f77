"""Which shards to train on, and how many samples each holds."""

import glob
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import braceexpand

from contrastive_trainer.data.remote import beside, is_remote, read_small, tar_name
from contrastive_trainer.data.tar_index import index_tar
from schemas.errors import ConfigError

SIZES = "sizes.json"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainShard:
    """A tar of samples: its path, or URL, and how many samples it holds."""

    path: str
    samples: int

    @property
    def name(self) -> str:
        """Its path; of a URL the file's name alone."""
        return tar_name(self.path) if is_remote(self.path) else self.path


def list_shards(patterns: Sequence[str], say: Say = print) -> list[TrainShard]:
    """Return the shards in the order of the patterns, those of one pattern by name.

    A pattern is the folder of a published set, a folder of tars, a path, a glob, a brace range or a URL. How
    many samples a shard holds is read from the `sizes.json` beside it. Where there is none, all headers of a
    local shard are read, which takes seconds a shard and is said first.

    Raises:
        ConfigError: a pattern names no shard, or it is not to be found how many samples one holds; names it
            and the mend.
    """
    paths = list(dict.fromkeys(path for pattern in patterns for path in _expand(pattern)))
    read: dict[str | None, tuple[dict[str, int], str]] = {}
    sizes: dict[str, int | None] = {}
    for path in paths:
        source = _sizes_beside(path)
        if source not in read:
            read[source] = _read_sizes(source)
        sizes[path] = read[source][0].get(tar_name(path) if is_remote(path) else os.path.basename(path))
    uncounted = [path for path in paths if sizes[path] is None]
    if lost := next((path for path in uncounted if is_remote(path)), None):
        why = read[_sizes_beside(lost)][1] or f"its {SIZES} does not list it"
        raise ConfigError(
            f"data.shards: how many samples {tar_name(lost)} holds is not known ({why}); put a {SIZES} "
            'beside it, like {"00000.tar": 10000}, or copy the shards here'
        )
    if uncounted:
        say(f"counting the samples of {len(uncounted)} shards that no {SIZES} lists; this takes a while")
    counted = {path: _count(path) if size is None else size for path, size in sizes.items()}
    return [TrainShard(path=path, samples=counted[path]) for path in paths]


def _expand(pattern: str) -> list[str]:
    if is_remote(pattern):
        return list(braceexpand.braceexpand(pattern))
    found: list[str] = []
    for path in braceexpand.braceexpand(pattern):
        if os.path.isdir(path):
            inside = os.path.join(path, "shards")
            folder = inside if os.path.isdir(inside) else path
            found += _in_folder(folder)
        elif os.path.isfile(path):
            found.append(path)
        else:
            found += sorted(glob.glob(path))
    if not found:
        raise ConfigError(
            f"data.shards: {pattern!r} names no shard; give the output folder of `pairwright curate`, or tars"
        )
    return found


def _in_folder(folder: str) -> list[str]:
    """Return the tars of a folder: all that its sizes.json lists, where it has one."""
    found = sorted(glob.glob(os.path.join(glob.escape(folder), "*.tar")))
    listed = {os.path.join(folder, name) for name in _read_sizes(os.path.join(folder, SIZES))[0]}
    if missing := sorted(listed.difference(found)):
        raise ConfigError(
            f"data.shards: {missing[0]} is not there, but {SIZES} lists it ({len(missing)} of {len(listed)} "
            "are missing); restore it, or name the shards to train on"
        )
    return found


def _sizes_beside(path: str) -> str | None:
    return beside(path, SIZES) if is_remote(path) else os.path.join(os.path.dirname(path), SIZES)


def _read_sizes(source: str | None) -> tuple[dict[str, int], str]:
    """Return what a sizes.json says, nothing where there is none, and why there is nothing."""
    if source is None:
        return {}, "the URL names no tar"
    name = SIZES if is_remote(source) else source
    try:
        if is_remote(source):
            data = read_small(source)
        else:
            with open(source, "rb") as stream:
                data = stream.read()
    except FileNotFoundError:
        return {}, f"there is no {SIZES}"
    except OSError as error:
        if is_remote(source):  # openers do not tell a missing file from another fault
            return {}, str(error).replace(tar_name(source), f"its {SIZES}")
        raise ConfigError(f"{name} cannot be read ({error.strerror}); make it readable") from error
    try:
        sizes = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is no JSON ({error}); remove it to have samples counted") from error
    if not isinstance(sizes, dict) or not all(type(n) is int and n >= 0 for n in sizes.values()):
        raise ConfigError(
            f"{name} holds something that is no number of samples; remove it to have them counted"
        )
    return sizes, ""


def _count(path: str) -> int:
    try:
        with open(path, "rb") as stream:
            index = index_tar(stream.fileno(), path)
        if not index.is_whole:
            raise OSError("it is cut off or damaged")
    except OSError as error:
        raise ConfigError(
            f"data.shards: {path} cannot be read ({error}); repair it with `pairwright doctor --repair`"
        ) from error
    return len(index.place_NR2)
