"""Remote shards: opened by webdataset's `gopen` (http, gs, hf, pipe: and more), copied whole.

No message names a URL: it may hold a key.
"""

import errno
import io
import os
import re
import select
from typing import Any

from schemas.errors import ConfigError

STALL_S = 120.0
"""After so long without a byte a transfer is given up."""

_BLOCK = 2**20
_MAX_SMALL_BYTES = 64 * 2**20
_STATUS = re.compile(r": exit (\d+) ")
_CURL = {
    6: "there is no such host",
    7: "the host does not answer",
    18: "it was cut short",
    22: "the server refuses it, as it does what is not there",
    28: "it took too long",
}
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
    copy_remote(url, target, _MAX_SMALL_BYTES)
    return target.getvalue()


def copy_remote(url: str, target: Any, limit: int | None = None) -> None:
    """Write a remote file, of `limit` bytes at most, to an open one.

    Raises:
        OSError: it cannot be read, which is told without its URL; ENOSPC as it is.
        ConfigError: the package that opens it is missing.
    """
    try:
        from webdataset import gopen
    except ImportError as error:
        raise ConfigError("data.shards: remote shards need the package webdataset; install it") from error
    name = tar_name(url)
    try:
        with gopen(url, "rb") as source:
            _pour(source, target, limit)
    except Exception as error:  # whatever the opener of the scheme raises
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise OSError(f"{name} cannot be read: {_told(error, url)}") from None


def _told(error: Exception, url: str) -> str:
    """Return what an opener's error says, without the URL."""
    if "'curl'" in str(error) and (status := _STATUS.search(str(error))):
        meaning = _CURL.get(int(status[1]))
        return f"curl's exit status is {status[1]}{f', {meaning}' if meaning else ''}"
    return f"{type(error).__name__}: {str(error).replace(url, tar_name(url))[:300]}"


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
