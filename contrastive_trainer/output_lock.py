"""The output folder: one run at a time, and none left behind by a run that was refused."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import ConfigError

LOCK = ".lock"


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold an output folder against a second run on this machine; remove it again where nothing is written.

    Raises:
        ConfigError: another process holds it, or it cannot be made.
    """
    if os.path.exists(folder / "run.json"):
        raise ConfigError(f"output {folder} is a published set; give another --out")
    made = [place for place in (folder, *folder.parents) if not os.path.exists(place)]
    try:
        with _locked(folder):
            try:
                yield
            finally:
                if os.listdir(folder) == [LOCK]:
                    (folder / LOCK).unlink()  # while it is held: see `_locked`
    finally:
        with suppress(OSError):  # it is in use
            for place in made:
                place.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    while True:
        with _open(folder) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"another process is writing {folder}; wait for it or stop it") from None
            if os.fstat(stream.fileno()).st_nlink:  # else its holder removed it since it was opened
                yield
                return


def _open(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("wb")
    except OSError as error:
        files = (str(place) for place in (folder, *folder.parents) if os.path.isfile(place))
        why = next((f"{file} is a file" for file in files), error.strerror)
        raise ConfigError(f"output {folder} cannot be used ({why}); give another --out") from error
