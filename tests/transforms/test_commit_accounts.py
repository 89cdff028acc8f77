"""The accounts of all shards, in one file and as counters."""

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from schemas.errors import RunError
from transforms.accounts import Account
from transforms.commit_accounts import CommitAccounts, read_accounts, write_accounts

WORDS = ("dropped", "profile", "words")
TORN = ("failed", "read", "truncated_shard")
ACCOUNTS = {
    11: Account(entered=4, rejected={WORDS: 1, TORN: 1}),
    2: Account(entered=3, rejected={WORDS: 2}),
    0: Account(),
}


def test_accounts_come_back_and_their_order_changes_no_byte(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    write_accounts(str(one), ACCOUNTS.items())
    write_accounts(str(other), reversed(ACCOUNTS.items()))
    assert read_accounts(str(one)) == ACCOUNTS
    assert one.read_bytes() == other.read_bytes()


def test_a_pipeline_commits_them_once_and_counts_every_reason(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "accounts.json")
    pipeline = beam.Pipeline(runner=FnApiRunner())
    written = pipeline | beam.Create(list(ACCOUNTS.items())) | CommitAccounts(path=path)
    assert_that(written, equal_to([path]))
    result = pipeline.run()
    result.wait_until_finish()
    assert read_accounts(path) == ACCOUNTS
    counters = result.metrics().query(MetricsFilter().with_namespaces(["profile", "read"]))["counters"]
    assert {c.key.metric.name: c.committed for c in counters} == {
        "dropped_words": 3,
        "failed_truncated_shard": 1,
    }


@pytest.mark.parametrize("data", [b"", b"{", b"\xff"])
def test_a_damaged_file_is_named_with_the_mend(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"accounts.json is damaged \(.*\); remove it and run again"):
        read_accounts(str(path))
