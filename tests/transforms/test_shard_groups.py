from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.workers import WorkerConfig
from transforms.shard_groups import WINDOWS_A_GROUP, plan_groups, window_of
from transforms.shard_job import ShardJob


def worker(**values: Any) -> WorkerConfig:
    made: WorkerConfig = TypeAdapter(WorkerConfig).validate_python({"model": "tiny"} | values)
    return made


OPENAI = {"kind": "openai", "base_urls": ["http://127.0.0.1:9/v1"]}


@pytest.fixture
def job(plan: Callable[..., Any]) -> ShardJob:
    _, (first, _) = plan()
    assert isinstance(first, ShardJob)
    return first


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples=st.lists(st.integers(0, 900)), window=st.integers(1, 4))
def test_groups_of_neighbours_hold_enough_and_no_shard_more(
    job: ShardJob, samples: list[int], window: int
) -> None:
    jobs = [job] * len(samples)
    groups = plan_groups(jobs, samples, worker(**OPENAI, in_flight=window), one_process=False)
    assert sum(map(len, groups)) == len(jobs)
    start = 0
    for number, group in enumerate(groups):
        held = samples[start : start + len(group)]
        assert sum(held[:-1]) < WINDOWS_A_GROUP * window
        assert number == len(groups) - 1 or sum(held) >= WINDOWS_A_GROUP * window
        start += len(group)


def test_order_is_kept(plan: Callable[..., Any]) -> None:
    _, jobs = plan()
    for one_process, size in ((True, [2]), (False, [1, 1])):
        groups = plan_groups(jobs, [5000, 5], worker(**OPENAI, in_flight=8), one_process=one_process)
        assert [job for group in groups for job in group] == jobs
        assert [len(group) for group in groups] == size


def test_rules_take_shard_by_shard(plan: Callable[..., Any]) -> None:
    _, jobs = plan()
    rules = TypeAdapter(WorkerConfig).validate_python({"kind": "rules"})
    for one_process in (True, False):
        assert plan_groups(jobs, [5, 5], rules, one_process=one_process) == [(job,) for job in jobs]


def test_no_shards_make_no_groups() -> None:
    assert plan_groups([], [], worker(**OPENAI), one_process=True) == []
    assert plan_groups([], [], worker(**OPENAI), one_process=False) == []


def test_windows() -> None:
    assert window_of(worker(**OPENAI, in_flight=7)) == 7
    assert window_of(worker(kind="vllm", in_flight=9)) == 9
    assert window_of(worker(kind="transformers", batch_size=3)) == 3
    assert window_of(worker(kind="owlv2", batch_size=5)) == 5
