"""Copies of remote shards in a folder, shared by all processes of a machine.

A copy's name is of its URL, and of the state of the remote file: `URL-STATE.tar`; what is being written has
`.half` behind that.
"""

import errno
import fcntl
import glob
import hashlib
import os
import zlib
from contextlib import suppress
from typing import BinaryIO

from contrastive_trainer.data.remote import copy_remote, tar_name
from contrastive_trainer.data.remote_state import remote_mark
from schemas.errors import ConfigError, RunError

_LOCKS = 64
_DIGITS = 16
_HALF = ".half"


def open_copy(url: str, folder: str) -> int:
    """Open the copy of a remote shard in a folder, made first where there is none of its present state.

    Where its state is not told (see `remote_mark`) a copy that is there is taken.

    Raises:
        OSError: it cannot be read.
        RunError: the folder's disk is full.
    """
    os.makedirs(folder, exist_ok=True)
    name, mark = _digest(url), remote_mark(url)
    path = os.path.join(folder, f"{name}-{mark or 'unknown'}.tar")
    with _lock(name, folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        while True:
            there = _copies(name, folder)
            found = path if path in there or mark is not None or not there else there[0]
            if found not in there:
                for stale in there:
                    _remove(stale)
                _write(url, path)
            with suppress(FileNotFoundError):  # another process has dropped it
                return os.open(found, os.O_RDONLY)


def drop_copy(url: str, folder: str) -> None:
    """Remove a copy; those who have it open keep its bytes."""
    for path in _copies(_digest(url), folder):
        _remove(path)


def prepare_folder(folder: str) -> None:
    """Make a folder for copies, and remove what processes that died have half written there.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        for half in glob.glob(os.path.join(glob.escape(folder), f"*{_HALF}")):
            with _lock(os.path.basename(half)[:_DIGITS], folder) as lock, suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else it is being written
                _remove(half)
    except OSError as error:
        raise ConfigError(
            f"data.cache: {folder} cannot be used ({error.strerror}); give another folder"
        ) from error


def _write(url: str, path: str) -> None:
    half = f"{path}{_HALF}"
    try:
        with open(half, "wb") as target:
            copy_remote(url, target)
        os.replace(half, path)
    except BaseException as error:
        _remove(half)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise RunError(
                f"data.cache: no space is left for {tar_name(url)}; free some and run the same command again"
            ) from error
        raise


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.remove(path)


def _copies(name: str, folder: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), f"{name}-*.tar")))


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:_DIGITS]


def _lock(name: str, folder: str) -> BinaryIO:
    number = zlib.crc32(name.encode()) % _LOCKS
    return open(os.path.join(folder, f"lock-{number:02d}"), "wb")
