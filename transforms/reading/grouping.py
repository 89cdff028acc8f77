"""Which members make a sample: pure, over names."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from transforms.reading.endings import Endings, is_metadata, split_short
from transforms.reading.tar_walk import Member, Problem

MAX_RUN = 512
"""Neighbours with one key that are looked at together; a longer run is cut between two likely samples."""
MAX_RUN_BYTES = 256 * 2**20
"""Bytes held of such neighbours, where a shard can only be read forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The members of one sample, each with its ending below the key; `reason` where they cannot be one."""

    key: str
    members: tuple[Member, ...]
    endings: tuple[str, ...]
    mended: tuple[str, ...] = ()
    reason: str | None = None

    def find(self, names: Sequence[str]) -> Member | None:
        """Return the first member, in the order of `names`, that has such an ending."""
        for name in names:
            if name in self.endings:
                return self.members[self.endings.index(name)]
        return None

    def is_whole(self, endings: Endings) -> bool:
        """Return whether it has an image, and a text or JSON."""
        has_image = self.find(endings.image) is not None
        return self.reason is None and has_image and self.find(endings.text + endings.json) is not None


@dataclass(slots=True)
class _Run:
    """Neighbouring members with one short key, as far as they are not given out yet."""

    key: str
    parts: list[tuple[Member, str]]
    bytes: int = 0
    look_at: int = MAX_RUN  # members; where to look for a place to cut
    given_as_one: bool = False


def group_members(items: Iterable[Member | Problem], endings: Endings) -> Iterator[Group | Problem]:
    """Yield the samples that neighbouring members make, in order, and last the problem, if there is one.

    Members belong together that share folder and base name up to the first dot. Where they fall, by their
    last known ending, into parts that each hold an image and a text or JSON, or where nothing is known
    by the first dot, the parts are the samples (mended: `dotted_key`). Every member is in one group, save
    WebDataset's metadata (`__x__`), what a torn sample had, and extras in a run longer than `MAX_RUN`.
    Members without key or ending are groups of their own and do not part their neighbours.
    """
    run = _Run("", [])
    before: frozenset[str] = frozenset()
    for item in items:
        if isinstance(item, Problem):
            yield from _with_problem(run, item, endings, before)
            return
        key, ending = split_short(item.name)
        if not ending:
            if not is_metadata(item.name):
                reason = None if key else "no_key"
                yield Group(key=key or item.name, members=(item,), endings=("",), reason=reason)
            continue
        if key != run.key or not run.parts:
            if is_metadata(item.name):
                continue
            for group in _resolve(run, endings):
                before = endings.known.intersection(group.endings)
                yield group
            run = _Run(key, [])
        run.parts.append((item, ending))
        if item.data is not None:
            run.bytes += len(item.data)
        if len(run.parts) >= run.look_at or run.bytes > MAX_RUN_BYTES:
            yield from _cut(run, endings)
    yield from _resolve(run, endings)


def _with_problem(
    run: _Run, problem: Problem, endings: Endings, before: frozenset[str]
) -> Iterator[Group | Problem]:
    """Give the last run, but not a sample that the problem tore: its missing members may lie behind."""
    groups = list(_resolve(run, endings))
    if groups:
        last = groups[-1]
        if problem.name is None:
            torn = not last.is_whole(endings) or not before <= set(last.endings)
        else:
            torn = last.key in (split_short(problem.name)[0], endings.split_long(problem.name)[0])
        if torn:
            groups.pop()
    yield from groups
    yield problem


def _cut(run: _Run, endings: Endings) -> Iterator[Group]:
    """Give out all but what may still grow: the last neighbours with one long key and no ending twice."""
    start, key, seen = 0, "", set[str]()
    for at, (member, _) in enumerate(run.parts):
        long_key, ending = endings.split_long(member.name)
        if long_key != key or ending in seen:
            start, key, seen = at, long_key, set()
        seen.add(ending)
    run.look_at = max(2 * len(run.parts), MAX_RUN)
    run.bytes = 0
    if start:
        tail = run.parts[start:]
        del run.parts[start:]
        yield from _resolve(run, endings)
        run.parts, run.look_at = tail, MAX_RUN


def _resolve(run: _Run, endings: Endings) -> Iterator[Group]:
    if not run.parts:
        return
    known = any(ending in endings.known for _, ending in run.parts)
    groups = None
    if any("." in ending for _, ending in run.parts):
        groups = _split_dotted(run, endings, known)
    if groups is None:
        if run.given_as_one and not known:
            return  # further extras of the sample that was given
        groups = _split_repeats(run.key, run.parts, ())
        run.given_as_one = len(groups) == 1
    yield from groups


def _split_dotted(run: _Run, endings: Endings, known: bool) -> list[Group] | None:
    """Return the samples by the longer keys, in the order of their images; None where it is one sample."""
    by_key: dict[str, list[tuple[Member, str]]] = {}
    for member, _ in run.parts:
        key, ending = endings.split_long(member.name)
        by_key.setdefault(key, []).append((member, ending))
    groups = {
        key: _split_repeats(key, parts, () if key == run.key else ("dotted_key",))
        for key, parts in by_key.items()
    }
    wholes = [
        all(group.is_whole(endings) for group in found)
        for found in groups.values()
        if any(ending in endings.known for group in found for ending in group.endings)
    ]
    is_split = any(wholes) and (all(wholes) or not known) and list(by_key) != [run.key]
    if not is_split:
        return None
    return sorted((g for found in groups.values() for g in found), key=lambda g: _place(g, endings))


def _place(group: Group, endings: Endings) -> int:
    return (group.find(endings.image) or group.members[0]).offset


def _split_repeats(key: str, parts: Sequence[tuple[Member, str]], mended: tuple[str, ...]) -> list[Group]:
    """Return one sample, or several where the whole set of endings repeats."""
    blocks: list[list[tuple[Member, str]]] = [[]]
    seen: set[str] = set()
    for part in parts:
        if part[1] in seen:
            blocks.append([])
            seen.clear()
        seen.add(part[1])
        blocks[-1].append(part)
    if len(blocks) > 1 and len({frozenset(ending for _, ending in block) for block in blocks}) > 1:
        return [_group(key, parts, mended, "repeated_member")]
    return [_group(key, block, mended, None) for block in blocks]


def _group(
    key: str, parts: Sequence[tuple[Member, str]], mended: tuple[str, ...], reason: str | None
) -> Group:
    return Group(
        key=key,
        members=tuple(member for member, _ in parts),
        endings=tuple(ending for _, ending in parts),
        mended=mended,
        reason=reason,
    )
