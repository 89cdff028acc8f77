"""Brings members of one sample together that do not lie beside each other."""

from collections.abc import Iterable, Sequence

from transforms.reading.endings import Endings, split_short
from transforms.reading.grouping import Group, group_members
from transforms.reading.tar_walk import Problem


def short_key(group: Group) -> str:
    """Return the key of a group by the first dot, under which its other members may lie."""
    name = group.members[0].name
    return split_short(name)[0] or name


def by_short_key(groups: Iterable[Group]) -> dict[str, list[Group]]:
    """Return the groups under their short keys, both in the order they came."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(short_key(group), []).append(group)
    return found


def regroup(groups: Sequence[Group], endings: Endings) -> list[Group]:
    """Return the samples that all members of these groups would make if they lay beside each other."""
    members = (member for group in groups for member in group.members)
    return [group for group in group_members(members, endings) if not isinstance(group, Problem)]
