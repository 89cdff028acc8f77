"""Planned work over a few small shards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_data.scenes import write_scenes
from schemas.config import RunConfig
from transforms.reading.shard_paths import find_shards
from transforms.shard_job import ShardJob, plan_jobs

Planned = tuple[RunConfig, list[ShardJob]]


@pytest.fixture(scope="session")
def scene_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two shards of five scenes, each of another text."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=10, seed=3, size_px=64, per_shard=5)
    return folder


@pytest.fixture
def plan(scene_shards: Path, tmp_path: Path) -> Callable[..., Planned]:
    """Plan a run over the scenes, its work below tmp_path; keywords change the configuration."""

    def make(**changes: Any) -> Planned:
        values = {"name": "test", "input": {"shards": f"{scene_shards}/*.tar"}, "output": "unused"} | changes
        config = RunConfig.model_validate(values)
        shards = find_shards(config.input.shards)
        work = str(tmp_path / "work")
        return config, plan_jobs(config, shards, work, needs_text=True, evaluation=())

    return make
