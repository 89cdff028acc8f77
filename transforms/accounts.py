"""Counts that must balance: in = published + dropped(reason) + failed(reason)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str, str]
"""(kind, stage, reason): kind is dropped (a choice) or failed (damage)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of some units: how many came in, and how many were rejected for what."""

    entered: int = 0
    rejected: Mapping[Key, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """How many are left."""
        return self.entered - sum(self.rejected.values())

    def main_reason(self) -> tuple[str, int]:
        """Return the reason that rejected most, and how many."""
        (_, _, reason), number = max(self.rejected.items(), key=lambda item: (item[1], item[0]))
        return reason, number

    def by_kind(self, kind: str) -> dict[str, dict[str, int]]:
        """Return {stage: {reason: n}} of one kind, sorted."""
        stages: dict[str, dict[str, int]] = {}
        for (of, stage, reason), number in sorted(self.rejected.items()):
            if of == kind:
                stages.setdefault(stage, {})[reason] = number
        return stages

    def to_json(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return {"in": self.entered, "rejected": [[*key, n] for key, n in sorted(self.rejected.items())]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Account":
        """Return the account that `to_json` wrote."""
        rejected = {(kind, stage, reason): n for kind, stage, reason, n in value["rejected"]}
        return cls(entered=value["in"], rejected=rejected)


def account(entered: int, keys: Iterable[Key]) -> Account:
    """Return the account of `entered` units of which those with a key were rejected."""
    return Account(entered=entered, rejected=dict(Counter(keys)))


def total(accounts: Iterable[Account]) -> Account:
    """Return the sum of accounts."""
    entered, rejected = 0, Counter[Key]()
    for one in accounts:
        entered += one.entered
        rejected.update(one.rejected)
    return Account(entered=entered, rejected=dict(rejected))
