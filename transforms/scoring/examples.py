"""The example pictures that the direction of quality is found from, and the file that keeps it."""

import os
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from apache_beam.io.filesystems import FileSystems

from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.examining import QualityConfig
from transforms.code_mark import EXAMINING, SCORING, code_mark
from transforms.fingerprint import fingerprint
from transforms.shard_job import ShardJob
from transforms.storage import is_local, read_bytes


def find_examples(patterns: Sequence[str]) -> list[str]:
    """Return the paths of the pictures that folders and globs name, sorted, each once.

    Raises:
        ConfigError: a pattern finds nothing.
    """
    return [path for path, _, _ in _found(patterns)]


def examples_mark(quality: QualityConfig) -> str:
    """Return the hash of the bytes of all examples, wherever they lie; each file is read once a process.

    Raises:
        ConfigError: a pattern finds nothing.
    """
    return fingerprint(*([_hash_file(*one) for one in _found(of)] for of in (quality.good, quality.bad)))


def direction_path(job: ShardJob, config: RunConfig) -> str:
    """Return where the direction lies; the same for every shard of a run."""
    assert config.score is not None
    assert config.score.quality is not None
    code = code_mark(*SCORING, *EXAMINING)
    made_by = [config.score.clip.identity(), examples_mark(config.score.quality), job.dedup_mark]
    return str(FileSystems.join(job.work, "scores", f"quality-{fingerprint(code, made_by)}.json"))


def _found(patterns: Sequence[str]) -> list[tuple[str, int, float]]:
    """Return path, size and time of change of each file."""
    found: dict[str, tuple[int, float]] = {}
    for pattern in patterns:
        whole = os.path.join(pattern, "*") if is_local(pattern) and os.path.isdir(pattern) else pattern
        (match,) = FileSystems.match([whole])
        files = [one for one in match.metadata_list if _is_picture(str(one.path))]
        if not files:
            raise ConfigError(f"score.quality: {pattern} finds no file; give a folder or glob of pictures")
        found |= {str(one.path): (one.size_in_bytes, one.last_updated_in_seconds or 0.0) for one in files}
    return [(path, *told) for path, told in sorted(found.items())]


def _is_picture(path: str) -> bool:
    is_folder = is_local(path) and os.path.isdir(path)
    return not (is_folder or str(FileSystems.split(path)[1]).startswith("."))


@lru_cache(maxsize=100_000)
def _hash_file(path: str, size: int, modified: float) -> str:
    return sha256(read_bytes(path)).hexdigest()
