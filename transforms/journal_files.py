"""The files of a journal: one that is appended to and, from where nothing can append, segments beside it.

A segment never changes. Its name in the journal's folder, `NUMBER-LEVEL-HASH.segment`, holds the hash of its
lines, so that two attempts of the same work cannot overwrite one another's. MERGE neighbours of one level are
merged into one of the next (a log-structured merge tree, O'Neil et al. 1996, doi:10.1007/s002360050048): of
n segments each line is written at most 1 + log(n) / log(MERGE) times, and fewer than MERGE of a level remain.
A death between the commit of a merged segment and the removal of its sources leaves lines twice, so equal
lines count once.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from apache_beam.io.filesystems import FileSystems

from transforms.storage import commit_bytes, exists, file_size, is_half_written, list_files, open_input

MERGE = 16
_ENDING = ".jsonl"
_SEGMENT = re.compile(r"[0-9]{6,}-[0-9]+-[0-9a-f]{16}\.segment")


def to_line(body: bytes) -> bytes:
    """Return a journal's line: the body, which holds no line break, behind the first 8 digits of its hash."""
    return _mark(hashlib.sha256(body).digest()) + b" " + body + b"\n"


def body_of(line: bytes) -> bytes:
    """Return what a whole line holds."""
    return line.partition(b" ")[2].removesuffix(b"\n")


def journal_of(file: str) -> str | None:
    """Return the path of the journal that a file belongs to; None for a file of none.

    >>> journal_of("/replies/laclip/a-1.jsonl")
    '/replies/laclip/a-1.jsonl'
    >>> journal_of("/replies/laclip/a-1/000031-0-f2ca1bb6c7e907d0.segment")
    '/replies/laclip/a-1.jsonl'
    """
    if is_segment(file):
        return f"{file.rpartition('/')[0]}{_ENDING}"
    return file if file.endswith(_ENDING) and not is_half_written(file) else None


def is_segment(file: str) -> bool:
    """Return whether a file is a segment, which never changes."""
    return _SEGMENT.fullmatch(file.rpartition("/")[2]) is not None


def journal_files(path: str) -> list[str]:
    """Return the files of a journal, none where it is not there, in the order in which their lines count.

    First what was appended, then the segments by number; of one number the most merged first, then by name.
    """
    appended = [path] if exists(path) else []
    return appended + [FileSystems.join(_folder(path), name) for name in _segments(_folder(path))]


def whole_lines(path: str) -> Iterator[bytes]:
    """Yield each of a journal's lines that is neither torn nor damaged, in order, equal ones once.

    Raises:
        FileNotFoundError: the journal is not there.
    """
    seen: set[bytes] = set()
    files = journal_files(path)
    if not files:
        raise FileNotFoundError(2, "no such journal", path)
    while files:
        file = files.pop(0)
        try:
            for digest, line in _lines(file):
                if digest not in seen:
                    seen.add(digest)
                    yield line
        except Exception:  # filesystems differ in what they raise
            files = journal_files(path)
            if file in files:  # else another attempt has merged it since it was listed
                raise


def mend(path: str) -> None:
    """Leave only whole lines in the file that is appended to, so that the next one begins on its own."""
    if exists(path):
        lines = [line for _, line in _lines(path)]
        if file_size(path) != sum(map(len, lines)):
            commit_bytes(path, b"".join(lines))


def add_segment(path: str, lines: Sequence[bytes]) -> None:
    """Commit lines as a journal's last segment; merge neighbours where enough of a level have gathered."""
    folder = _folder(path)
    names = _segments(folder)
    number = _place(names[-1])[0] + 1 if names else 0
    _commit(folder, number, 0, lines)
    for _, group in groupby(names, key=_level):
        alike = list(group)
        if len(alike) >= MERGE:
            _merge(folder, alike)
            return  # what that completes is merged with the next segment


def pack(path: str) -> None:
    """Merge all segments of a journal into one."""
    names = _segments(_folder(path))
    if len(names) > 1:
        _merge(_folder(path), names)


def _merge(folder: str, names: Sequence[str]) -> None:
    files = [FileSystems.join(folder, name) for name in names]
    try:
        lines = dict.fromkeys(line for file in files for _, line in _lines(file))
        _commit(folder, _place(names[0])[0], max(map(_level, names)) + 1, lines)
        FileSystems.delete(files)
    except Exception:  # filesystems differ in what they raise
        if set(names) <= set(_segments(folder)):
            raise
        # Else another attempt has merged them, or does: what neither removed is merged another time.


def _commit(folder: str, number: int, level: int, lines: Iterable[bytes]) -> None:
    data = b"".join(lines)
    name = f"{number:06d}-{level}-{hashlib.sha256(data).hexdigest()[:16]}.segment"
    path = FileSystems.join(folder, name)
    if not exists(path):  # else another attempt has just committed the same
        commit_bytes(path, data)


def _folder(path: str) -> str:
    return path.removesuffix(_ENDING)


def _segments(folder: str) -> list[str]:
    return sorted(filter(is_segment, list_files(folder)), key=_place)


def _place(name: str) -> tuple[int, int, str]:
    # A merged segment comes before its sources: their lines in its order, whichever of them are still there.
    number, level, _ = name.split("-")
    return int(number), -int(level), name


def _level(name: str) -> int:
    return -_place(name)[1]


def _lines(file: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the hash of its body and the line, of each whole line of a file."""
    with open_input(file) as stream:
        for line in stream:
            digest = hashlib.sha256(body_of(line)).digest()
            if line.endswith(b"\n") and line.startswith(_mark(digest) + b" "):
                yield digest, line


def _mark(digest: bytes) -> bytes:
    return digest[:4].hex().encode()
