"""What dedup reads of each shard, and what it commits."""

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from schemas.arrow import to_table
from schemas.facts import Facts, Verdict
from transforms import storage
from transforms.accounts import Account
from transforms.dedup.batch import from_ipc, to_ipc
from transforms.dedup_shards import CommitVerdicts, commit_verdicts, dedup_batches
from transforms.storage import commit_rows, read_table


def facts(index: int) -> Facts:
    return Facts(
        index=index,
        uid=f"u{index}",
        key=f"k{index}",
        alt_text="not compared",
        sha256=bytes([index]) * 32,
        phash=2**63 + index,
        colour_grid=bytes(27),
        width=10 + index,
        height=4,
    )


def verdict(index: int, stage: str = "dedup", reason: str = "exact_duplicate") -> Verdict:
    return Verdict(
        index=index, uid=f"u{index}", key=f"k{index}", stage=stage, kind="dropped", reason=reason, value="u0"
    )


@pytest.fixture
def jobs(plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return two jobs: five units in row groups of two, of which profile kept 0, 3 and 4; and none at all."""
    monkeypatch.setattr(storage, "ROW_GROUP", 2)
    one, other = plan(dedup={})[1]
    broken = Facts(index=1, uid="u1", key="k1", stage="read", reason="missing_image")
    commit_rows(one.facts, Facts, [facts(0), broken, *map(facts, (2, 3, 4))])
    commit_rows(one.profile, Verdict, [verdict(1, "read"), verdict(2, "profile", "words")])
    commit_rows(other.facts, Facts, [])
    commit_rows(other.profile, Verdict, [])
    return [one, other]


def test_batches_hold_what_profile_kept(jobs: Any) -> None:
    batches = list(dedup_batches(jobs[0]))
    assert {order for order, _ in batches} == {0}
    rows = [row for _, data in batches for row in from_ipc(data).to_pylist()]
    assert [(row["order"], row["index"], row["uid"], row["key"]) for row in rows] == [
        (0, n, f"u{n}", f"k{n}") for n in (0, 3, 4)
    ]
    assert [row["pixels"] for row in rows] == [40, 52, 56]
    assert [row["phash"] for row in rows] == [2**63, 2**63 + 3, 2**63 + 4]
    assert all(row["sha256"] == bytes([row["index"]]) * 32 for row in rows)


def test_a_shard_of_nothing_has_a_batch_too(jobs: Any) -> None:
    ((order, data),) = dedup_batches(jobs[1])
    assert (order, from_ipc(data).num_rows) == (1, 0)


def test_verdicts_are_committed_and_counted_of_what_profile_kept(jobs: Any) -> None:
    verdicts = to_table(Verdict, [verdict(3), verdict(4, reason="near_duplicate")])
    assert commit_verdicts(jobs[0], to_ipc(verdicts)) == (
        0,
        Account(
            entered=3,
            rejected={("dropped", "dedup", "exact_duplicate"): 1, ("dropped", "dedup", "near_duplicate"): 1},
        ),
    )
    assert read_table(jobs[0].dedup).equals(verdicts)


def test_each_shards_verdicts_go_to_its_own_file(jobs: Any) -> None:
    decided = [(1, to_ipc(to_table(Verdict, []))), (0, to_ipc(to_table(Verdict, [verdict(3)])))]
    expected = [
        (0, Account(entered=3, rejected={("dropped", "dedup", "exact_duplicate"): 1})),
        (1, Account()),
    ]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        accounts = pipeline | beam.Create(decided) | CommitVerdicts(jobs=tuple(jobs))
        assert_that(accounts, equal_to(expected))
    assert [read_table(job.dedup).num_rows for job in jobs] == [1, 0]
