"""Tar members that are the same on every run."""

import io
import tarfile


def add_member(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    """Append one plain file: owner 0, mode 644, modified at 0."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))
