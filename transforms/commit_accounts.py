"""Gather what became of each shard in one committed file, for the driver to read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from transforms.accounts import Account
from transforms.storage import commit_bytes, read_bytes

Accounts = dict[int, Account]


def write_accounts(path: str, accounts: Iterable[tuple[int, Account]]) -> None:
    """Commit {shard order: account} as JSON."""
    rows = {str(order): account.to_json() for order, account in sorted(accounts, key=lambda pair: pair[0])}
    commit_bytes(path, json.dumps(rows, indent=1).encode())


def read_accounts(path: str) -> Accounts:
    """Return what `write_accounts` wrote."""
    return {int(order): Account.from_json(row) for order, row in json.loads(read_bytes(path)).items()}


@dataclass(kw_only=True, eq=False)
class CommitAccounts(beam.PTransform):  # type: ignore[misc]
    """Commit the accounts of all shards in one file.

    In: PCollection of (shard order, Account), one a shard. Out: PCollection of the path, once.
    """

    path: str

    def expand(self, accounts: beam.PCollection[tuple[int, Account]]) -> beam.PCollection[str]:
        """Lift `write_accounts`."""
        path = self.path

        def write(group: tuple[int, Iterable[tuple[int, Account]]]) -> str:
            write_accounts(path, group[1])
            return path

        return accounts | beam.Map(lambda pair: (0, pair)) | beam.GroupByKey() | beam.Map(write)
