"""Remote shards: opened by webdataset's `gopen` (http, gs, hf, pipe: and more), copied whole.

Copies are shared by all processes of a machine. No message names a URL: it may hold a key.
"""

import fcntl
import hashlib
import io
import os
import re
import select
from contextlib import suppress
from typing import Any

from schemas.errors import ConfigError

STALL_S = 120.0
"""After so long without a byte a transfer is given up."""

_LOCKS = 64
_BLOCK = 2**20
_MAX_SMALL_BYTES = 64 * 2**20
_TAR = re.compile(r"[^/\s?#=]+\.tar(?![^\s?#'\"])")


def is_remote(path: str) -> bool:
    """Return whether a path is a URL, or a command as webdataset has it (`pipe:...`)."""
    return "://" in path or path.startswith("pipe:")


def tar_name(url: str) -> str:
    """Return the file name of a remote tar, without the rest of its URL.

    >>> tar_name("https://example.com/set/00007.tar?key=1")
    '00007.tar'
    """
    found = _TAR.findall(url)
    return str(found[-1]) if found else "a remote shard"


def beside(url: str, name: str) -> str | None:
    """Return the URL of a file beside a remote tar; None where the URL names no tar.

    >>> beside("pipe:aws s3 cp s3://bucket/set/00007.tar -", "sizes.json")
    'pipe:aws s3 cp s3://bucket/set/sizes.json -'
    """
    found = list(_TAR.finditer(url))
    return f"{url[: found[-1].start()]}{name}{url[found[-1].end() :]}" if found else None


def read_small(url: str) -> bytes:
    """Return a remote file of some megabytes at most.

    Raises:
        OSError: it cannot be read.
    """
    target = io.BytesIO()
    _copy(url, target, _MAX_SMALL_BYTES)
    return target.getvalue()


def open_copy(url: str, folder: str) -> int:
    """Open the copy of a remote shard in a folder, made first where no process has made it.

    Raises:
        OSError: it cannot be read, or the folder cannot be written.
    """
    os.makedirs(folder, exist_ok=True)
    path = _path(url, folder)
    with open(os.path.join(folder, f"lock-{int(_digest(url), 16) % _LOCKS:02d}"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            with open(f"{path}.half", "wb") as target:
                _copy(url, target)
            os.replace(f"{path}.half", path)
        return os.open(path, os.O_RDONLY)


def drop_copy(url: str, folder: str) -> None:
    """Remove a copy; those who have it open keep its bytes."""
    with suppress(FileNotFoundError):
        os.remove(_path(url, folder))


def _path(url: str, folder: str) -> str:
    return os.path.join(folder, f"{_digest(url)}.tar")


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _copy(url: str, target: Any, limit: int | None = None) -> None:
    try:
        from webdataset import gopen
    except ImportError as error:
        raise ConfigError("data.shards: remote shards need the package webdataset; install it") from error
    name = tar_name(url)
    try:
        with gopen(url, "rb") as source:
            _pour(source, target, limit)
    except Exception as error:  # whatever the opener of the scheme raises
        told = str(error).replace(url, name)
        raise OSError(f"{name} cannot be read: {type(error).__name__}: {told[:300]}") from None


def _pour(source: Any, target: Any, limit: int | None) -> None:
    stream = getattr(source, "stream", source)  # of a command's output
    size = 0
    while True:
        if not select.select([stream], [], [], STALL_S)[0]:
            source.ignore_errors = True
            source.proc.kill()
            raise OSError(f"no byte came for {STALL_S:g} s")
        block = os.read(stream.fileno(), _BLOCK)
        size += len(block)
        if limit is not None and size > limit:
            raise OSError(f"it has over {limit} bytes")
        if not block:
            return
        target.write(block)
