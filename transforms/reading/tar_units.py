"""The units of a tar: each group of members with its text and JSON read, and its image ready to be."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.reading.endings import Endings, split_short
from transforms.reading.grouping import Group, group_members
from transforms.reading.sample_fields import (
    MAX_JSON,
    MAX_TEXT,
    clean_text,
    decode_text,
    parse_json,
    uid_and_url,
)
from transforms.reading.sources import LocalFile, Source, open_source
from transforms.reading.tar_walk import Member, Problem, walk

_VALUE_CHARS = 300


def tar_units(shard: Shard, config: InputConfig) -> Iterator[Unit]:
    """Yield the units of a tar in order.

    Raises:
        OSError: the file is not there or cannot be read.
    """
    source, mended = open_source(shard, config.max_expansion)
    with closing(source):
        maker = UnitMaker(source=source, config=config, mended=mended)
        for item in group_members(walk(source, maker.wants), maker.endings):
            yield maker.make(item)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the members of one sample hold, besides the image."""

    text: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    uid: str | None = None
    url: str | None = None
    mended: tuple[str, ...] = ()
    fault: tuple[str, str] | None = None


@dataclass(slots=True, kw_only=True)
class UnitMaker:
    """Makes units of one shard's groups, numbered in the order they come."""

    source: Source
    config: InputConfig
    mended: tuple[str, ...] = ()  # of the whole shard
    endings: Endings = field(init=False)
    _seen: Counter[str] = field(init=False, default_factory=Counter)
    _index: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.endings = Endings.of(self.config)

    def wants(self, name: str, size: int) -> bool:
        """Return whether a member's data are needed where the shard can only be read forward."""
        return size <= self.config.max_member_bytes and self.endings.names_known(name)

    def make(self, item: Group | Problem) -> Unit:
        """Return the next unit."""
        key = _torn_key(item) if isinstance(item, Problem) else item.key
        index, occurrence = self._index, self._seen[key]
        self._index += 1
        self._seen[key] = occurrence + 1
        if isinstance(item, Problem):
            return Unit(
                index=index,
                key=key,
                occurrence=occurrence,
                mended=self.mended,
                reason=item.reason,
                value=item.value,
            )
        return self._sample(item, index, occurrence)

    def _sample(self, group: Group, index: int, occurrence: int) -> Unit:
        found = _Found(mended=self.mended + group.mended + _names_mended(group.members))
        image = group.find(self.endings.image)
        fault = self._fault(group, image)
        if group.reason is None:
            self._read_json(group, found)
            self._read_text(group, found)
        fault = fault or found.fault
        read = None if fault or image is None else self._reader(image)
        return Unit(
            index=index,
            key=group.key,
            occurrence=occurrence,
            image_name=image.name if image else "",
            offset=image.offset if read and image else -1,
            size_bytes=image.size if read and image else 0,
            read_image=read,
            text=found.text,
            uid=found.uid,
            url=found.url,
            json=found.fields,
            mended=found.mended,
            reason=fault[0] if fault else None,
            value=fault[1][:_VALUE_CHARS] if fault else None,
        )

    def _fault(self, group: Group, image: Member | None) -> tuple[str, str] | None:
        """Return the reason and value of what keeps a group from being a sample, if anything does."""
        names = ", ".join(member.name for member in group.members[:20])
        if group.reason is not None:
            return group.reason, names
        if image is None:
            other = next((member for member in group.members if not member.is_file), None)
            return ("not_a_file", other.name) if other else ("missing_image", names)
        if not image.is_file:
            return "not_a_file", image.name
        if image.size > self.config.max_member_bytes:
            return "oversized_member", f"{image.name}: {image.size} bytes"
        return None if image.size else ("empty_image", image.name)

    def _reader(self, image: Member) -> Callable[[], bytes]:
        if isinstance(self.source, LocalFile):
            return partial(self.source.read_exactly, image.offset, image.size)
        data = image.data or b""
        return lambda: data

    def _read_json(self, group: Group, found: _Found) -> None:
        member = group.find(self.endings.json)
        if member is None:
            return
        usable = member.is_file and member.size <= min(MAX_JSON, self.config.max_member_bytes)
        fields = parse_json(self._data(member, MAX_JSON)) if usable else None
        if fields is None:
            found.mended += ("json_unreadable",)
            return
        found.fields = fields
        found.uid, found.url, ignored = uid_and_url(fields)
        found.mended += ignored

    def _read_text(self, group: Group, found: _Found) -> None:
        """Take the first text that is not empty: of the members in order, then of the JSON's fields."""
        for name in self.endings.text:
            if name in group.endings:
                self._take_text(group.members[group.endings.index(name)], found)
                if found.text or found.fault:
                    return
        for name in self.config.text:
            value = found.fields.get(name)
            if isinstance(value, str):
                found.text = clean_text(value[:MAX_TEXT])
                if found.text:
                    return

    def _take_text(self, member: Member, found: _Found) -> None:
        if not member.is_file:
            found.fault = ("not_a_file", member.name)
        elif member.size > self.config.max_member_bytes:
            found.fault = ("oversized_member", f"{member.name}: {member.size} bytes")
        else:
            decoded = decode_text(self._data(member, MAX_TEXT), is_cut=member.size > MAX_TEXT)
            if decoded is None:
                found.fault = ("bad_text", member.name)
                return
            found.text = clean_text(decoded[0])
            if member.size > MAX_TEXT:
                found.mended += ("text_cut",)
            if decoded[1] is not None:
                found.mended += (f"text_encoding:{decoded[1]}",)

    def _data(self, member: Member, limit: int) -> bytes:
        if member.data is not None:
            return member.data[:limit]
        if not self.source.lazy:
            return b""
        return self.source.read(member.offset, min(member.size, limit))


def _torn_key(problem: Problem) -> str:
    name = problem.name or ""
    return split_short(name)[0] or name


def _names_mended(members: tuple[Member, ...]) -> tuple[str, ...]:
    return next((member.mended for member in members if member.mended), ())
