"""Gather what became of each shard in one committed file, for the driver to read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from transforms.accounts import Account
from transforms.progress import count
from transforms.storage import commit_bytes, read_json

Accounts = dict[int, Account]


def write_accounts(path: str, accounts: Iterable[tuple[int, Account]]) -> None:
    """Commit {shard order: account} as JSON."""
    rows = {str(order): account.to_json() for order, account in sorted(accounts, key=lambda pair: pair[0])}
    commit_bytes(path, json.dumps(rows, indent=1).encode())


def read_accounts(path: str) -> Accounts:
    """Return what `write_accounts` wrote."""
    return {int(order): Account.from_json(row) for order, row in read_json(path).items()}


@dataclass(kw_only=True, eq=False)
class CommitAccounts(beam.PTransform):  # type: ignore[misc]
    """Commit the accounts of all shards in one file.

    In: PCollection of (shard order, Account), one a shard. Out: PCollection of the path, once.
    """

    path: str

    def expand(self, accounts: beam.PCollection[tuple[int, Account]]) -> beam.PCollection[str]:
        """Lift `write_accounts`."""
        path = self.path

        def counted(pair: tuple[int, Account]) -> tuple[int, tuple[int, Account]]:
            for (kind, stage, reason), number in pair[1].rejected.items():
                count(stage, f"{kind}_{reason}", number)
            return 0, pair

        def write(group: tuple[int, Iterable[tuple[int, Account]]]) -> str:
            write_accounts(path, group[1])
            return path

        return accounts | beam.Map(counted) | beam.GroupByKey() | beam.Map(write)
