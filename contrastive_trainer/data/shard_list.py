"""Which shards to train on, and how many samples each holds."""

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import braceexpand

from contrastive_trainer.data.tar_index import index_tar
from schemas.errors import ConfigError

REMOTE = "://"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainShard:
    """A tar of samples: its path, or URL, and how many samples it holds."""

    path: str
    samples: int


def list_shards(patterns: Sequence[str]) -> list[TrainShard]:
    """Return the shards in the order of the patterns, those of one pattern by name.

    A pattern is the folder of a published set, a folder of tars, a path, a glob, a brace range or a URL. How
    many samples a shard holds is read from the `sizes.json` beside it, or counted where there is none.

    Raises:
        ConfigError: a pattern names no shard, or a shard cannot be read; names it and the mend.
    """
    paths = [path for pattern in patterns for path in _expand(pattern)]
    sizes: dict[str, dict[str, int]] = {}
    shards = []
    for path in dict.fromkeys(paths):
        folder, name = os.path.split(path)
        if folder not in sizes:
            sizes[folder] = _read_sizes(folder)
        samples = sizes[folder].get(name)
        shards.append(TrainShard(path=path, samples=_count(path) if samples is None else samples))
    return shards


def _expand(pattern: str) -> list[str]:
    if REMOTE in pattern:
        return list(braceexpand.braceexpand(pattern))
    found: list[str] = []
    for path in braceexpand.braceexpand(pattern):
        if os.path.isdir(path):
            inside = os.path.join(path, "shards")
            folder = inside if os.path.isdir(inside) else path
            found += sorted(glob.glob(os.path.join(glob.escape(folder), "*.tar")))
        elif os.path.isfile(path):
            found.append(path)
        else:
            found += sorted(glob.glob(path))
    if not found:
        raise ConfigError(
            f"data.shards: {pattern!r} names no shard; give the output folder of `pairwright curate`, or tars"
        )
    return found


def _read_sizes(folder: str) -> dict[str, int]:
    path = os.path.join(folder, "sizes.json")
    if REMOTE in folder or not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            sizes = json.load(stream)
        right = all(isinstance(n, int) and n >= 0 for n in sizes.values())
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); remove it to have samples counted") from error
    if not right:
        raise ConfigError(
            f"{path} holds something that is no number of samples; remove it to have them counted"
        )
    return dict(sizes)


def _count(path: str) -> int:
    if REMOTE in path:
        raise ConfigError(
            f"data.shards: how many samples {path} holds is not known; list its folder's tars with a local "
            "sizes.json, or mount it"
        )
    try:
        return len(index_tar(path))
    except OSError as error:
        raise ConfigError(
            f"data.shards: {path} cannot be read ({error}); repair it with `pairwright doctor`"
        ) from error
