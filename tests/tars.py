"""Plain tars of members."""

import os
import tarfile
from pathlib import Path

from demo_data.tar_writing import add_member


def write_tar(path: Path, members: list[tuple[str, bytes]], *, cut: int = 0) -> Path:
    """Write a tar and return its path; a cut one lacks its end and so many bytes before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            add_member(tar, name, data)
        end = tar.offset
    if cut:
        os.truncate(path, end - cut)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
