"""Writes a clean tar from one that is not."""

import os
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from schemas.config import InputConfig
from schemas.shard import Shard
from transforms.diagnose import half_reason, image_head, true_ending
from transforms.imaging.sniff import image_format
from transforms.reading.endings import Endings, is_metadata
from transforms.reading.gathering import by_short_key, regroup
from transforms.reading.grouping import Group, group_members
from transforms.reading.shard_paths import InputError
from transforms.reading.sources import LocalFile, SourceError, open_source
from transforms.reading.tar_header import BLOCK
from transforms.reading.tar_units import UnitMaker
from transforms.reading.tar_walk import Member, walk
from transforms.storage import commit

_COPY = 2**20
_MAX_KEY = 1000
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\\.]")
_PLAIN_ENDING = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairSummary:
    """Samples written, and how many of them under another key; and what was left out, counted by reason."""

    kept: int
    renamed: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    member: Member


def repair(shard: Shard, config: InputConfig, output_path: str) -> RepairSummary:
    """Write the whole samples of a tar to a clean one: sorted, each sample's members together, one key each.

    The image's ending is set right by its first bytes; dots in keys become `_`; a key used before gets a
    number. A sample is left out as a run would reject it (see `schemas.reasons.REASONS`), before decoding.
    The index of the shard is held in memory, its contents are not.

    Raises:
        OSError: the shard is not there or cannot be read, or the output cannot be written.
        InputError: it is a Parquet shard, whose rows need no repair.
    """
    if shard.format == "parquet":
        raise InputError(
            f"{shard.path!r} is Parquet, and its rows need no repair; give it to the run as it is"
        )
    left_out: Counter[str] = Counter()
    with _as_local_file(shard, config, left_out) as source:
        judge = _Judge(source=source, config=config)
        groups: list[Group] = []
        for item in group_members(walk(source, judge.maker.wants), judge.maker.endings):
            if isinstance(item, Group):
                groups.append(item)
            elif not left_out:  # otherwise the compressed data have said why it ends early
                left_out[item.reason] += 1
        kept: list[Group] = []
        for group, reason in _bring_together(groups, judge):
            if reason is None:
                kept.append(group)
            else:
                left_out[reason] += 1
        kept.sort(key=lambda group: min(member.offset for member in group.members))
        keys = _clean_keys(group.key for group in kept)
        entries = [e for group, key in zip(kept, keys, strict=True) for e in judge.entries(group, key)]
        _write(sorted(entries, key=lambda entry: entry.name), source, output_path)
    renamed = sum(group.key != key for group, key in zip(kept, keys, strict=True))
    return RepairSummary(kept=len(kept), renamed=renamed, left_out=dict(sorted(left_out.items())))


@contextmanager
def _as_local_file(shard: Shard, config: InputConfig, left_out: Counter[str]) -> Iterator[LocalFile]:
    """Give the decompressed shard as a local file, through a temporary one where it is not."""
    source, _ = open_source(shard, config.max_expansion)
    if isinstance(source, LocalFile):
        yield source
        return
    with closing(source), tempfile.TemporaryFile() as copy:
        try:
            # By blocks, so that a fault in the data costs none that came before it.
            while data := source.read(copy.tell(), BLOCK):
                copy.write(data)
        except SourceError as error:
            left_out[error.reason] += 1
        copy.flush()
        yield LocalFile(shard.path, os.dup(copy.fileno()))


@dataclass(slots=True, kw_only=True)
class _Judge:
    """Says which samples are whole and what of them is written."""

    source: LocalFile
    config: InputConfig
    maker: UnitMaker = field(init=False)

    def __post_init__(self) -> None:
        self.maker = UnitMaker(source=self.source, config=self.config)

    @property
    def endings(self) -> Endings:
        return self.maker.endings

    def reason(self, group: Group) -> str | None:
        """Return why a group is no whole sample, if it is none."""
        unit = self.maker.make(group)
        reason = half_reason(unit) or unit.reason
        image = group.find(self.endings.image)
        if reason or image is None:
            return reason
        kind = image_format(image_head(image, self.source))
        if kind is None:
            return "unknown_format"
        return None if kind in self.config.formats else "unsupported_format"

    def entries(self, group: Group, key: str) -> Iterator[_Entry]:
        """Yield what is written of a whole sample: the image first, so that its ending is free."""
        image = group.find(self.endings.image)
        if image is None:
            return
        given = group.endings[group.members.index(image)]
        kind = image_format(image_head(image, self.source))
        ending = true_ending(kind, given, self.endings) if kind else given
        yield _Entry(name=f"{key}.{ending}", member=image)
        taken = {ending, given}
        for member, other in zip(group.members, group.endings, strict=True):
            is_known = other in self.endings.known or _PLAIN_ENDING.fullmatch(other)
            # With another ending on the image, a second image might be taken for the first.
            is_rival = ending != given and other in self.endings.image
            fits = member.is_file and member.size <= self.config.max_member_bytes
            if is_known and fits and not is_rival and other not in taken:
                taken.add(other)
                yield _Entry(name=f"{key}.{other}", member=member)


def _bring_together(groups: Sequence[Group], judge: _Judge) -> Iterator[tuple[Group, str | None]]:
    """Yield every sample with the reason it is left out for, halves joined where that makes a whole one."""
    verdicts = [(group, judge.reason(group)) for group in groups]
    halves = by_short_key(group for group, reason in verdicts if reason in ("missing_image", "missing_text"))
    wholes = by_short_key(group for group, reason in verdicts if reason is None)
    for group, reason in verdicts:
        if reason not in (None, "missing_image", "missing_text"):
            yield group, reason
    for key, parts in halves.items():
        ready = wholes.pop(key, [])
        joined = [(group, judge.reason(group)) for group in regroup([*ready, *parts], judge.endings)]
        if len(joined) == max(len(ready), 1) and all(reason is None for _, reason in joined):
            yield from joined
            continue
        yield from ((group, None) for group in ready)
        joined = [(group, judge.reason(group)) for group in regroup(parts, judge.endings)]
        is_better = any(reason is None for _, reason in joined)
        yield from joined if is_better else ((group, judge.reason(group)) for group in parts)
    for ready in wholes.values():
        yield from ((group, None) for group in ready)


def _clean_keys(keys: Iterable[str]) -> list[str]:
    """Return a key for each: without dots, control characters and ways out of a folder, and each once."""
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    clean = []
    for key in keys:
        base = _clean_key(key)
        candidate = base
        while candidate.casefold() in taken:
            numbers[base.casefold()] += 1
            candidate = f"{base}-{numbers[base.casefold()]}"
        taken.add(candidate.casefold())
        clean.append(candidate)
    return clean


def _clean_key(key: str) -> str:
    parts = [_UNFIT.sub("_", part) for part in key.split("/") if part not in ("", ".", "..")]
    clean = "/".join(parts)[-_MAX_KEY:].strip("/")
    if is_metadata(clean):
        clean = clean.lstrip("_/")
    return clean or "_"


def _write(entries: Iterable[_Entry], source: LocalFile, output_path: str) -> None:
    """Write a tar that has the same bytes for the same entries: ustar, with pax headers for long names."""
    with (
        commit(output_path) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar,
    ):
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.size = entry.member.size
            info.mode = 0o644
            tar.addfile(info, _Reader(source, entry.member))


class _Reader:
    """A member as a stream, read in pieces."""

    def __init__(self, source: LocalFile, member: Member) -> None:
        self._source = source
        self._at = member.offset
        self._end = member.offset + member.size

    def read(self, size: int = _COPY, /) -> bytes:
        data = self._source.read_exactly(self._at, min(size, self._end - self._at))
        self._at += len(data)
        return data
