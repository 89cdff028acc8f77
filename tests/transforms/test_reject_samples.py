"""Every sample that is not published is a row with its reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.facts import Facts, Verdict
from transforms.accounts import Account
from transforms.reject_samples import COLUMNS, reject_samples, rejected_rows
from transforms.storage import commit_rows, read_table


def verdict(index: int, stage: str, kind: str, reason: str) -> Verdict:
    return Verdict(
        index=index, uid=f"u{index}", key=f"k{index}", stage=stage, kind=kind, reason=reason, value="v"
    )


@pytest.fixture
def made(plan: Callable[..., Any]) -> Any:
    config, (job, other) = plan()
    commit_rows(job.facts, Facts, (Facts(index=n, uid=f"u{n}", key=f"k{n}") for n in range(6)))
    commit_rows(
        job.profile,
        Verdict,
        [verdict(4, "profile", "dropped", "words"), verdict(5, "read", "failed", "bad_text")],
    )
    commit_rows(job.dedup, Verdict, [verdict(0, "dedup", "dropped", "repeated_uid")])
    commit_rows(other.facts, Facts, [Facts(index=0, uid="x", key="x")])
    for path in (other.profile, other.dedup):
        commit_rows(path, Verdict, [])
    return config, job, other


def test_rows_of_all_stages_in_the_order_of_the_shard(made: Any) -> None:
    config, job, _ = made
    rows = rejected_rows(job, config)
    assert tuple(rows.column_names) == COLUMNS
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("u0", "00000.tar", "k0", "dedup", "dropped", "repeated_uid", "v"),
        ("u4", "00000.tar", "k4", "profile", "dropped", "words", "v"),
        ("u5", "00000.tar", "k5", "read", "failed", "bad_text", "v"),
    ]


def test_the_table_is_committed_and_the_account_is_of_all_units(made: Any, tmp_path: Path) -> None:
    config, job, _ = made
    assert reject_samples(job, config, str(tmp_path / "rejected")) == (
        0,
        Account(
            entered=6,
            rejected={
                ("dropped", "dedup", "repeated_uid"): 1,
                ("dropped", "profile", "words"): 1,
                ("failed", "read", "bad_text"): 1,
            },
        ),
    )
    (path,) = (tmp_path / "rejected").iterdir()
    assert path.name == f"{job.shard.slug}.parquet"
    assert read_table(str(path)).equals(rejected_rows(job, config))


def test_a_shard_without_any_writes_no_table(made: Any, tmp_path: Path) -> None:
    config, _, other = made
    assert reject_samples(other, config, str(tmp_path / "rejected")) == (1, Account(entered=1))
    assert not (tmp_path / "rejected").exists()
