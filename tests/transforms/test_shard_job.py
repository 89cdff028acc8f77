"""Committed work is found again exactly while nothing that made it changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.config import RunConfig
from schemas.shard import Shard
from transforms.shard_job import ShardJob, dedup_config, extra_fields, plan_jobs

SHARDS = [
    Shard(order=n, name=f"{n}.tar", path=f"/data/{n}.tar", size_bytes=100 + n, format="tar") for n in range(2)
]
VALUES: dict[str, Any] = {
    "name": "test",
    "input": {"shards": "*.tar"},
    "output": "o",
    "profile": {"filters": [{"kind": "words", "min": 3}]},
}


def jobs(
    shards: list[Shard] = SHARDS, needs_text: bool = True, evaluation: tuple[str, ...] = (), **changes: Any
) -> list[ShardJob]:
    config = RunConfig.model_validate(VALUES | changes)
    return plan_jobs(config, shards, "/work", needs_text=needs_text, evaluation=evaluation)


def changed(other: list[ShardJob]) -> str:
    """Return which tables of the first shard are made anew: the marks that differ."""
    names = ("facts", "profile", "dedup")
    return " ".join(n for n in names if getattr(jobs()[0], f"{n}_mark") != getattr(other[0], f"{n}_mark"))


def test_paths_name_the_shard_and_all_that_made_the_table() -> None:
    job = ShardJob(shard=SHARDS[0], work="/w", facts_mark="f1", profile_mark="p2", dedup_mark="d3")
    slug = SHARDS[0].slug
    assert job.facts == f"/w/facts/{slug}-f1.parquet"
    assert job.profile == f"/w/profile/{slug}-p2.parquet"
    assert job.dedup == f"/w/dedup/{slug}-d3.parquet"
    assert job.replies("hqclip") == f"/w/replies/hqclip/{slug}.jsonl"
    assert job.annotations("hqclip", 12, "a4") == f"/w/annotations/hqclip/{slug}-00000012-a4.parquet"


@pytest.mark.parametrize(
    ("changes", "anew"),
    [
        ({}, ""),
        ({"name": "other", "output": "p", "chunk_samples": 9, "publish": {"samples_per_shard": 3}}, ""),
        ({"input": {"shards": "elsewhere/*.tar"}}, ""),
        ({"profile": {"filters": [{"kind": "words", "min": 3}], "max_drop_ratio": 0.1}}, ""),
        ({"profile": {"filters": [{"kind": "words", "min": 4}]}}, "profile dedup"),
        ({"profile": {"filters": []}}, "profile dedup"),
        ({"input": {"shards": "*.tar", "max_pixels": 5}}, "facts profile dedup"),
        ({"input": {"shards": "*.tar", "text": "caption"}}, "facts profile dedup"),
        ({"profile": {"filters": [{"kind": "json", "field": "score", "min": 1}]}}, "facts profile dedup"),
        ({"dedup": {}}, "dedup"),
        ({"dedup": {"exact": False}}, ""),
        ({"dedup": {"near": {}}}, "dedup"),
        ({"needs_text": False}, "facts profile dedup"),
        ({"evaluation": ("ab",)}, "dedup"),
    ],
)
def test_a_change_makes_anew_what_depends_on_it(changes: dict[str, Any], anew: str) -> None:
    assert changed(jobs(**changes)) == anew


def test_another_shard_leaves_facts_and_profile_alone() -> None:
    third = Shard(order=2, name="2.tar", path="/data/2.tar", size_bytes=1, format="tar")
    assert changed(jobs(shards=[*SHARDS, third])) == "dedup"


def test_a_moved_shard_is_the_same_and_one_of_another_size_is_not() -> None:
    assert changed(jobs(shards=[replace(SHARDS[0], path="/elsewhere/0.tar"), SHARDS[1]])) == ""
    assert changed(jobs(shards=[replace(SHARDS[0], size_bytes=7), SHARDS[1]])) == "facts profile dedup"
    assert changed(jobs(shards=[SHARDS[0], replace(SHARDS[1], size_bytes=7)])) == "dedup"


def test_shards_share_the_dedup_mark_and_nothing_else() -> None:
    one, other = jobs()
    assert one.dedup_mark == other.dedup_mark
    assert len({one.facts, other.facts, one.profile, other.profile, one.dedup, other.dedup}) == 6


def test_fields_that_filters_ask_for_once_each() -> None:
    filters = [{"kind": "json", "field": f, "min": n} for n, f in enumerate(["b.c", "a", "b.c"])]
    config = RunConfig.model_validate(VALUES | {"profile": {"filters": filters}})
    assert extra_fields(config) == ("a", "b.c")
    assert extra_fields(RunConfig.model_validate(VALUES)) == ()


def test_without_a_section_only_uids_are_compared() -> None:
    bare = dedup_config(RunConfig.model_validate(VALUES))
    assert (bare.exact, bare.near, bare.decontaminate) == (False, None, ())
    assert dedup_config(RunConfig.model_validate(VALUES | {"dedup": {}})).exact


def test_the_work_folder_is_where_it_is_told(tmp_path: Path) -> None:
    config = RunConfig.model_validate(VALUES)
    (job, _) = plan_jobs(config, SHARDS, str(tmp_path), needs_text=True, evaluation=())
    assert Path(job.facts).parent == tmp_path / "facts"
