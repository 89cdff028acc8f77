"""The members of a tar, one by one, without trusting it.

The standard library's reader takes an extension header of any declared size into memory, and ends without a
word where a later header is broken; here the end is always said.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from transforms.reading.magic import not_a_tar
from transforms.reading.sources import Source, SourceError
from transforms.reading.tar_header import BLOCK, ZEROS, Header, parse_header, parse_pax

MAX_EXTENSION = 2**20
"""Bytes of an extension header (long name, pax); names and sizes need a few hundred."""
_RECORDS = (20 * BLOCK, *(2**power for power in range(14, 21)))
"""Bytes that a tar is filled up to a multiple of: 20 blocks (POSIX.1-2001, pax), or as tapes want it."""
_END = 2 * BLOCK
_MAX_PADDING = max(_RECORDS) + _END
_STRUCTURE = frozenset({b"5", b"D", b"V"})  # folder, GNU's list of a folder, volume label
_WITHOUT_DATA = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member that is no folder; `data` only where the source is not lazy and the caller wanted them."""

    name: str
    offset: int
    size: int
    is_file: bool = True  # neither a link, a device, a fifo nor sparse
    mended: tuple[str, ...] = ()
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a walk ended early; `name` is that of the member it ended in, where it is known."""

    reason: str
    value: str
    name: str | None = None


@dataclass(slots=True)
class _Extensions:
    """What extension headers said of the next member (or of all, for a global one)."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False
    pending: bool = False

    def take(self, records: dict[bytes, bytes]) -> None:
        self.name = records.get(b"GNU.sparse.name", records.get(b"path", self.name))
        if size := records.get(b"size"):
            if not size.isdigit() or len(size) > 20:
                raise ValueError(f"pax size {size[:30]!r} is no number")
            self.size = int(size)
        self.sparse |= any(keyword.startswith(b"GNU.sparse.") for keyword in records)


@dataclass(slots=True)
class _State:
    offset: int = 0
    extensions: _Extensions = field(default_factory=_Extensions)
    defaults: _Extensions = field(default_factory=_Extensions)


class _EndError(Exception):
    def __init__(self, reason: str, value: str, name: str | None = None) -> None:
        super().__init__(reason)
        self.problem = Problem(reason=reason, value=value, name=name)


def walk(source: Source, wanted: Callable[[str, int], bool]) -> Iterator[Member | Problem]:
    """Yield the members in order, and last the problem that ended the walk, if one did.

    A lazy source's data are never touched; of another, those that `wanted(name, size)` are read into `data`
    and the others passed over in bounded memory. Archives one behind the other are read as one. A missing
    end marker is no problem where the file ends with a whole member; more zeros than any writer pads with are
    one, for an unfinished download may have been given its full size beforehand.
    """
    state = _State()
    try:
        while (header := _next_header(source, state)) is not None:
            member = _take(source, state, header, wanted)
            if member is not None:
                yield member
    except _EndError as stop:
        yield stop.problem
    except SourceError as error:
        at_start = state.offset == 0 and error.reason == "damaged_shard"
        yield Problem(reason="unreadable_shard" if at_start else error.reason, value=error.value)


def _next_header(source: Source, state: _State) -> Header | None:
    if not source.reaches(state.offset):
        raise _EndError("truncated_shard", "it ends in the padding of a member")
    block = source.read(state.offset, BLOCK)
    if block == ZEROS:
        if state.extensions.pending:
            raise _EndError("damaged_shard", f"byte {state.offset}: an extension header without its member")
        state.offset, block = _behind_zeros(source, state.offset)
    if len(block) < BLOCK:
        _end_of_file(state, block)
        return None
    header = parse_header(block)
    if header is None:
        if state.offset == 0:
            raise _EndError("unreadable_shard", not_a_tar(block) or "its first 512 bytes are no tar header")
        raise _EndError("damaged_shard", f"byte {state.offset} has no valid tar header")
    state.offset += BLOCK
    return header


def _end_of_file(state: _State, block: bytes) -> None:
    """Raise unless the file ends here with a whole member."""
    if state.offset == 0 and not block:
        raise _EndError("unreadable_shard", "it has 0 bytes; download it again")
    if state.offset == 0 and (what := not_a_tar(block)):
        raise _EndError("unreadable_shard", what)
    # A part of a block of zeros is a part of the end marker: no header begins with a zero.
    if block.strip(b"\0") or state.extensions.pending or state.offset == 0:
        raise _EndError("truncated_shard", f"it ends in the header at byte {state.offset}")


def _behind_zeros(source: Source, start: int) -> tuple[int, bytes]:
    """Return the first block that is not zeros behind the one at `start`, and its place.

    Raises:
        _EndError: the zeros go on to the end, or for long, and are no padding.
    """
    offset = start + BLOCK
    while (block := source.read(offset, BLOCK)) == ZEROS and offset - start < _MAX_PADDING:
        offset += BLOCK
    is_end = len(block) < BLOCK and not block.strip(b"\0")
    if block == ZEROS or (is_end and not _is_padding(start, offset + len(block))):
        raise _EndError("truncated_shard", f"zeros in place of members from byte {start} on")
    return offset, block


def _is_padding(start: int, end: int) -> bool:
    """Return whether a writer may have put these last zeros: the end marker, and the rest of a record."""
    size = end - start
    return size < _RECORDS[0] + _END or any(end % record == 0 and size < record + _END for record in _RECORDS)


def _take(source: Source, state: _State, header: Header, wanted: Callable[[str, int], bool]) -> Member | None:
    if header.kind in (b"L", b"K", b"x", b"X", b"g"):
        _take_extension(source, state, header)
        return None
    extensions, state.extensions = state.extensions, _Extensions()
    raw = extensions.name if extensions.name is not None else state.defaults.name
    name, mended = decode_name(header.name if raw is None else raw)
    if header.extended:
        _pass_sparse_map(source, state, name)
    size = _size(header, extensions, state.defaults)
    offset = state.offset
    data = _data(source, offset, size, name, wanted)
    state.offset = offset + -(-size // BLOCK) * BLOCK
    if header.kind in _STRUCTURE:
        return None
    is_file = header.kind in (b"0", b"\0", b"7") and not extensions.sparse
    return Member(name=name, offset=offset, size=size, is_file=is_file, mended=mended, data=data)


def _size(header: Header, extensions: _Extensions, defaults: _Extensions) -> int:
    if header.kind in _WITHOUT_DATA:
        return 0
    size = extensions.size if extensions.size is not None else defaults.size
    return header.size if size is None else size


def _data(
    source: Source, offset: int, size: int, name: str, wanted: Callable[[str, int], bool]
) -> bytes | None:
    if source.lazy or not wanted(name, size):
        if not source.reaches(offset + size):
            raise _EndError("truncated_shard", f"it ends in {name[:200]!r}", name)
        return None
    data = source.read(offset, size)
    if len(data) < size:
        raise _EndError("truncated_shard", f"it ends in {name[:200]!r}", name)
    return data


def _take_extension(source: Source, state: _State, header: Header) -> None:
    place = f"the extension header at byte {state.offset - BLOCK}"
    if header.size > MAX_EXTENSION:
        raise _EndError("damaged_shard", f"{place} declares {header.size} bytes, over {MAX_EXTENSION}")
    payload = source.read(state.offset, header.size)
    if len(payload) < header.size:
        raise _EndError("truncated_shard", f"it ends in {place}")
    state.offset += -(-header.size // BLOCK) * BLOCK
    if header.kind == b"g":
        target = state.defaults
    else:
        target = state.extensions
        target.pending = True
    if header.kind == b"L":
        target.name = payload.split(b"\0", 1)[0]
    elif header.kind != b"K":
        try:
            target.take(parse_pax(payload))
        except ValueError as error:
            raise _EndError("damaged_shard", f"{place}: {error}") from error


def _pass_sparse_map(source: Source, state: _State, name: str) -> None:
    while True:
        block = source.read(state.offset, BLOCK)
        if len(block) < BLOCK:
            raise _EndError("truncated_shard", f"it ends in the sparse map of {name[:200]!r}", name)
        state.offset += BLOCK
        if not block[504]:
            return


def decode_name(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Return a member's name as text; bytes that are no UTF-8 are read as Latin-1, and noted as mended."""
    try:
        return raw.decode(), ()
    except UnicodeDecodeError:
        return raw.decode("latin-1"), ("name_encoding",)
