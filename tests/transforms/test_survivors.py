"""Who is still in."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.facts import Facts, Verdict
from transforms import storage
from transforms.storage import commit_rows
from transforms.survivors import survivors, verdicts_so_far


def verdict(index: int, stage: str) -> Verdict:
    return Verdict(index=index, uid=f"u{index}", key="k", stage=stage, kind="dropped", reason="r", value="v")


@pytest.fixture
def job(plan: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a job of seven units in row groups of three, of which 1 fell by profile and 0 and 5 by dedup."""
    monkeypatch.setattr(storage, "ROW_GROUP", 3)
    job = plan()[1][0]
    rows = [
        Facts(index=n, uid=f"u{n}", key=f"k{n}", alt_text="t" * n, colour_shares=(0.5,)) for n in range(7)
    ]
    commit_rows(job.facts, Facts, rows)
    commit_rows(job.profile, Verdict, [verdict(1, "profile")])
    commit_rows(job.dedup, Verdict, [verdict(0, "dedup"), verdict(5, "dedup")])
    return job


def test_those_that_no_stage_rejected_in_order(job: Any) -> None:
    found = list(survivors(job))
    assert [row.index for row in found] == [2, 3, 4, 6]
    assert [row.alt_text for row in found] == ["tt", "ttt", "tttt", "tttttt"]
    assert found[0].colour_shares == (0.5,)


def test_only_the_columns_asked_for_are_filled(job: Any) -> None:
    found = list(survivors(job, ["index", "uid", "key"]))
    assert [(row.index, row.uid, row.key) for row in found] == [(n, f"u{n}", f"k{n}") for n in (2, 3, 4, 6)]
    assert {row.alt_text for row in found} == {""}


def test_verdicts_of_profile_alone_or_with_dedup(job: Any) -> None:
    assert verdicts_so_far(job, dedup=False)["index"].to_pylist() == [1]
    assert verdicts_so_far(job)["index"].to_pylist() == [1, 0, 5]


def test_groups_of_which_nothing_is_left(job: Any) -> None:
    commit_rows(job.profile, Verdict, [verdict(n, "profile") for n in range(7)])
    assert list(survivors(job)) == []
