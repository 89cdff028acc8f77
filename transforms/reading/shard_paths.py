"""Which shards a run reads: paths, globs and brace patterns on any filesystem that Beam knows."""

import fnmatch
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems

from schemas.shard import Shard, ShardFormat
from transforms.reading.braces import expand_braces
from transforms.storage import is_local

_FORMATS: dict[str, ShardFormat] = {
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".parquet": "parquet",
}
_MAGIC = re.compile(r"[*?\[]")
_MAGIC_OR_BRACE = re.compile(r"[*?\[{]")
_EXTRAS = {"s3": "aws", "gs": "gcp", "azfs": "azure", "hdfs": "hadoop"}
_KNOWN = "known are .tar, .tar.gz, .tgz and .parquet"


class InputError(ValueError):
    """The input cannot be read as configured: one line with the value and the mend."""


class FileInfo(NamedTuple):
    """What a filesystem says of a file: bytes, and seconds since 1970."""

    size_bytes: int
    modified: float


def _info(path: str) -> FileInfo:
    status = os.stat(path)
    return FileInfo(status.st_size, status.st_mtime)


def find_shards(patterns: Sequence[str]) -> list[Shard]:
    """Return the shards that the patterns name, sorted by name, each once.

    A pattern is a path, a glob (`*`, `?`, `[...]`, and `**` for any folders), or either with braces. Names
    are taken below the folder that all patterns share before their first magic character. Files of another
    ending are passed over where a glob finds them; what begins with a dot is hidden unless it is named.

    Raises:
        InputError: a path is missing, a folder or of another ending; a glob finds no shard; a folder or a
            bucket cannot be read.
    """
    patterns = [_normal(pattern) for pattern in patterns]
    found: dict[str, FileInfo] = {}
    for pattern in patterns:
        found.update(_find(pattern))
    fixed = _shared([_fixed_folder(pattern).split("/") for pattern in patterns])
    names = {"/".join(path.split("/")[fixed:]): path for path in found}
    return [
        Shard(order=order, name=name, path=path, format=_known_format(path), **found[path]._asdict())
        for order, (name, path) in enumerate(sorted(names.items()))
    ]


def _shared(sequences: Sequence[Sequence[str]]) -> int:
    """Return how many items all the sequences begin with alike."""
    alike = (len(set(items)) == 1 for items in zip(*sequences, strict=False))
    return sum(1 for _ in itertools.takewhile(bool, alike))


def _normal(pattern: str) -> str:
    if not pattern or "\0" in pattern:
        raise InputError(f"input.shards has {pattern!r}, which is no path; name a shard, such as data/*.tar")
    if not is_local(pattern):
        return pattern
    return os.path.abspath(pattern) + ("/" if pattern.endswith("/") else "")


def _is_plain(pattern: str) -> bool:
    """Return whether a local file has this very name, whatever magic characters are in it."""
    return is_local(pattern) and os.path.isfile(pattern)


def _fixed_folder(pattern: str) -> str:
    magic = None if _is_plain(pattern) else _MAGIC_OR_BRACE.search(pattern)
    return (pattern[: magic.start()] if magic else pattern).rpartition("/")[0]


def _format(path: str) -> ShardFormat | None:
    base = path.rpartition("/")[2].lower()
    return next((form for ending, form in _FORMATS.items() if base.endswith(ending)), None)


def _known_format(path: str) -> ShardFormat:
    form = _format(path)
    if form is None:
        raise InputError(f"{path!r} is no shard by its ending; {_KNOWN}")
    return form


def _find(pattern: str) -> dict[str, FileInfo]:
    """Return the shards that one pattern names, by path."""
    if _is_plain(pattern):
        _known_format(pattern)
        return {pattern: _info(pattern)}
    try:
        expanded = expand_braces(pattern)
    except ValueError as error:
        raise InputError(f"input.shards has {pattern!r}: {error}") from error
    plain = [path for path in expanded if not _MAGIC.search(path)]
    for path in plain:
        if not path.endswith("/") and _format(path) is None:
            _refuse_ending(path)
    globs = [path for path in expanded if _MAGIC.search(path)]
    if is_local(pattern):
        found = {path: _local_info(path) for path in plain}
        for path in globs:
            found.update(_shards_only(path, _local_glob(path)))
        return found
    found = _remote_plain(pattern, plain) if plain else {}
    for path in globs:
        found.update(_shards_only(path, _remote_glob(path)))
    return found


def _refuse_ending(path: str) -> None:
    if is_local(path) and os.path.isdir(path):
        raise _folder_error(path)
    if is_local(path) and not os.path.exists(path):
        raise _missing_error(path)
    raise InputError(f"{path!r} is no shard by its ending; {_KNOWN}")


def _folder_error(path: str) -> InputError:
    return InputError(f"{path!r} is a folder; name its shards: {path.rstrip('/') + '/*.tar'!r}")


def _missing_error(path: str) -> InputError:
    return InputError(f"{path!r} does not exist; correct input.shards, or fetch the shard")


def _shards_only(pattern: str, found: dict[str, FileInfo]) -> dict[str, FileInfo]:
    shards = {path: size for path, size in found.items() if _format(path)}
    if not shards:
        what = f"finds {len(found)} files but no shard ({_KNOWN})" if found else "finds no file"
        raise InputError(f"the glob {pattern!r} {what}; correct input.shards")
    return shards


def _local_info(path: str) -> FileInfo:
    try:
        if os.path.isdir(path):
            raise _folder_error(path)
        if not os.path.isfile(path) and os.path.exists(path):
            raise InputError(f"{path!r} is no plain file; name a file")
        return _info(path)
    except FileNotFoundError as error:
        raise _missing_error(path) from error
    except OSError as error:
        raise InputError(f"{path!r} cannot be read: {error.strerror}; give the right to read it") from error


def _local_glob(pattern: str) -> dict[str, FileInfo]:
    try:
        return {path: _info(path) for path in _walk("/", pattern.strip("/").split("/"))}
    except OSError as error:
        what = f"{error.filename!r} cannot be read: {error.strerror}"
        raise InputError(f"the glob {pattern!r} fails: {what}; give the right to read it") from error


def _walk(folder: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield the files below a folder whose path fits the parts; an unreadable folder is an error."""
    part, rest = parts[0], parts[1:]
    if not _MAGIC.search(part):
        path = os.path.join(folder, part)
        if rest and os.path.isdir(path):
            yield from _walk(path, rest)
        elif not rest and os.path.isfile(path):
            yield path
        return
    if part == "**":
        yield from _walk(folder, rest or ["*"])
    with os.scandir(folder) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        if not _fits(entry.name, part):
            continue
        if part == "**" and entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, parts)
        elif part != "**" and rest and entry.is_dir():
            yield from _walk(entry.path, rest)
        elif part != "**" and not rest and entry.is_file():
            yield entry.path


def _fits(name: str, part: str) -> bool:
    hidden = name.startswith(".") and not part.startswith(".")
    return not hidden and fnmatch.fnmatchcase(name, part)


def _remote_plain(pattern: str, paths: Sequence[str]) -> dict[str, FileInfo]:
    """Return what named paths are with one listing; two requests a path take minutes for a range."""
    if len(paths) == 1:
        found = _match(pattern, paths[0])
    else:
        found = _match(pattern, paths[0][: _shared(paths)] + "**")
    for path in paths:
        if path.endswith("/"):
            raise _folder_error(path)
        if path not in found:
            raise _missing_error(path)
    return {path: found[path] for path in paths}


def _remote_glob(pattern: str) -> dict[str, FileInfo]:
    # Beam's `**` asks for at least one folder; the usual meaning includes none.
    found = _match(pattern, pattern)
    if "/**/" in pattern:
        found.update(_match(pattern, pattern.replace("/**/", "/")))
    wanted = pattern.rpartition("/")[2].startswith(".")
    fixed = len(_fixed_folder(pattern))
    return {path: size for path, size in found.items() if wanted or "/." not in path[fixed:]}


def _match(pattern: str, listed: str) -> dict[str, FileInfo]:
    scheme = FileSystems.get_scheme(pattern)
    extra = _EXTRAS.get(scheme or "")
    mend = f"install apache-beam[{extra}] and check the credentials" if extra else "check the path"
    try:
        (match,) = FileSystems.match([listed])
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise InputError(f"{pattern!r} cannot be listed; {mend}: {line}") from error
    listed_files = match.metadata_list
    return {f.path: FileInfo(f.size_in_bytes, f.last_updated_in_seconds) for f in listed_files}
