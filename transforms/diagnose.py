"""What is wrong with an input shard, found without decoding an image."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from schemas.config import InputConfig
from schemas.shard import Shard, Unit
from transforms.advise import Beside, advise
from transforms.imaging.sniff import FORMAT_OF_ENDING, HEAD_BYTES, image_format
from transforms.reading.endings import Endings
from transforms.reading.gathering import by_short_key, regroup
from transforms.reading.grouping import Group, group_members
from transforms.reading.sources import Source, open_source
from transforms.reading.tar_units import UnitMaker
from transforms.reading.tar_walk import Member, walk
from transforms.reading.units import read_units

PROBLEMS: dict[str, str] = {
    "no_samples": "nothing is in the shard that could be a sample",
    "missing_image": "the sample has no member (Parquet: column) of input.image",
    "missing_text": "the sample has none of input.text; a run takes it only with a recipe that needs none",
    "dotted_key": "the key has dots: WebDataset's loaders take such samples for one",
    "interleaved": "the sample's members do not lie beside each other: loaders see halves",
    "repeated_key": "an earlier sample of the shard has this key",
    "case_collision": "an earlier sample's key differs by case only: one is lost on some filesystems",
    "odd_name": "a member's name is no UTF-8, absolute, or has `..`, a backslash or a control character",
    "macos_leftover": "a file that macOS adds (`._x`, `.DS_Store`)",
    "wrong_ending": "the image is of another kind than its ending says",
    "gzip_named_tar": "the shard is compressed, but its name ends in .tar",
    "tar_named_gzip": "the shard is not compressed, but its name says so",
}
"""Kinds of problems besides, or said otherwise than, the reasons in `schemas.reasons.REASONS`."""
_EXAMPLES = 3


@dataclass(slots=True, kw_only=True)
class Finding:
    """How often a problem was found, the keys of the first few, and what is known of it or would mend it."""

    count: int = 0
    examples: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found in one shard; `samples` are the units that have image and text."""

    shard: str
    units: int
    samples: int
    problems: Mapping[str, Finding]

    @property
    def is_clean(self) -> bool:
        """Return whether nothing was found."""
        return not self.problems


def diagnose(shard: Shard, config: InputConfig) -> Diagnosis:
    """Look through a shard and count what is wrong with it.

    Raises:
        OSError: the shard is not there or cannot be read.
        InputError: a Parquet shard has no column of images.
    """
    tally = _Tally(config=config)
    if shard.format == "parquet":
        for unit in read_units(shard, config):
            missing = half_reason(unit)
            if missing:
                tally.look(missing, unit)
            tally.take(unit, {kind for kind in (missing or unit.reason,) if kind})
    else:
        _diagnose_tar(shard, config, tally)
    return tally.result(shard)


def _diagnose_tar(shard: Shard, config: InputConfig, tally: "_Tally") -> None:
    source, mended = open_source(shard, config.max_expansion)
    halves: list[tuple[Group, str]] = []
    with closing(source):
        maker = UnitMaker(source=source, config=config, mended=mended)
        for item in group_members(walk(source, maker.wants), maker.endings):
            unit = maker.make(item)
            half = half_reason(unit)
            kinds = set() if half or unit.reason is None else {unit.reason}
            if isinstance(item, Group):
                kinds |= group_problems(item, unit, maker)
                if "unsupported_format" in kinds:
                    tally.look("unsupported_format", unit, item, source)
                if half and "macos_leftover" not in kinds:
                    tally.look(half, unit, item, source)
                    members = tuple(replace(member, data=None) for member in item.members)
                    halves.append((replace(item, members=members), half))
            tally.take(unit, kinds - {"no_key"} if "macos_leftover" in kinds else kinds)
    _count_halves(halves, maker.endings, tally)
    for note in mended:
        tally.add(note, shard.name)


def _count_halves(halves: Sequence[tuple[Group, str]], endings: Endings, tally: "_Tally") -> None:
    reasons = {group.members[0].offset: reason for group, reason in halves}
    for key, groups in by_short_key(group for group, _ in halves).items():
        if len(groups) > 1 and all(group.is_whole(endings) for group in regroup(groups, endings)):
            tally.add("interleaved", key)
            continue
        for group in groups:
            tally.add(reasons[group.members[0].offset], group.key)


def half_reason(unit: Unit) -> str | None:
    """Return what half of a sample is missing, if one is."""
    if unit.reason is None and unit.text is None:
        return "missing_text"
    return unit.reason if unit.reason == "missing_image" else None


def group_problems(group: Group, unit: Unit, maker: UnitMaker) -> set[str]:
    """Return the kinds of problems of one sample, besides what its unit was rejected for."""
    kinds = {"dotted_key"} & set(unit.mended)
    for member in group.members:
        base = member.name.rpartition("/")[2]
        kinds |= {"macos_leftover"} if base.startswith("._") or base == ".DS_Store" else set()
        kinds |= {"odd_name"} if is_odd(member) else set()
        kinds |= {"oversized_member"} if member.size > maker.config.max_member_bytes else set()
        kinds |= set() if member.is_file else {"not_a_file"}
    if unit.reason is None:
        image = group.members[[m.offset for m in group.members].index(unit.offset)]
        ending = group.endings[group.members.index(image)]
        kind = image_format(image_head(image, maker.source))
        if kind is None:
            kinds.add("unknown_format")
        elif kind not in maker.config.formats:
            kinds.add("unsupported_format")
        elif true_ending(kind, ending, maker.endings) != ending:
            kinds.add("wrong_ending")
    return kinds


def is_odd(member: Member) -> bool:
    """Return whether a member's name is one that tools read differently or refuse."""
    name = member.name
    parts = name.split("/")
    has_control = any(character < " " or "\x7f" <= character <= "\x9f" for character in name)
    return bool(member.mended) or has_control or "\\" in name or ".." in parts or name.startswith("/")


def image_head(member: Member, source: Source) -> bytes:
    """Return the first bytes of a member, as many as tell an image's format."""
    size = min(member.size, HEAD_BYTES)
    return source.read(member.offset, size) if member.data is None else member.data[:size]


def _head_of(member: Member, source: Source | None) -> bytes | None:
    """Return what tells what a member is; None where it was passed over and cannot be read any more."""
    if source is None or not member.is_file or (member.data is None and not source.lazy):
        return None
    return image_head(member, source)


def true_ending(kind: str, ending: str, endings: Endings) -> str:
    """Return the given ending, or a configured one of the image's kind where it is another kind's."""
    prefix, dot, last = ending.rpartition(".")
    if FORMAT_OF_ENDING.get(last, kind) == kind:
        return ending
    right = (prefix + dot + name for name, claimed in FORMAT_OF_ENDING.items() if claimed == kind)
    return next((name for name in right if name in endings.image), ending)


@dataclass(slots=True)
class _Tally:
    config: InputConfig
    units: int = 0
    samples: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  # the first by its case-folded form
    seen: set[str] = field(default_factory=set)
    beside: dict[str, Beside] = field(default_factory=dict)

    def look(self, kind: str, unit: Unit, group: Group | None = None, source: Source | None = None) -> None:
        """Note what else is in a sample with a problem: in a row of Parquet where no group is given."""
        beside = self.beside.setdefault(kind, Beside(is_table=group is None))
        members = zip(group.endings, group.members, strict=True) if group else ()
        heads = ((ending, _head_of(member, source)) for ending, member in members)
        beside.take(unit, heads, self.config)

    def add(self, kind: str, key: str) -> None:
        finding = self.findings.setdefault(kind, Finding())
        finding.count += 1
        if key and len(finding.examples) < _EXAMPLES:
            finding.examples.append(key)

    def take(self, unit: Unit, kinds: Iterable[str]) -> None:
        self.units += 1
        for kind in sorted(kinds):
            self.add(kind, unit.key)
            if not unit.key and unit.value:  # it is about the shard
                self.findings[kind].advice = [unit.value]
        if unit.reason is not None or unit.text is None:
            return
        self.samples += 1
        first = self.keys.setdefault(unit.key.casefold(), unit.key)
        if unit.key in self.seen:
            self.add("repeated_key", unit.key)
        elif first != unit.key:
            self.add("case_collision", unit.key)
        self.seen.add(unit.key)

    def result(self, shard: Shard) -> Diagnosis:
        if not self.units:
            self.add("no_samples", "")
        for kind, line in advise(self.beside, self.config):
            if kind in self.findings:  # else its halves were brought together
                self.findings[kind].advice.append(line)
        problems = dict(sorted(self.findings.items()))
        return Diagnosis(shard=shard.name, units=self.units, samples=self.samples, problems=problems)
