"""Killed at any moment and run again, a run writes the same bytes as one that was left alone."""

import hashlib
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from demo_data.scenes import write_scenes
from pipelines.command import run_command
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.run import only_writer, open_run
from pipelines.verify import verify
from schemas.config import RunConfig

CONFIG = {
    "name": "killed",
    "profile": {"filters": [{"kind": "words", "min": 6}], "max_drop_ratio": 1},
    "dedup": {"near": {"max_distance": 2}},
    "workers": {"baseline": {"kind": "rules"}, "detector": {"kind": "segments"}},
    "annotate": [
        {"recipe": "hqclip", "worker": "baseline"},
        {"recipe": "laclip", "worker": "baseline"},
        {"recipe": "cloc_phrases", "worker": "baseline"},
        {"recipe": "detect", "worker": "detector"},
    ],
    "publish": {"samples_per_shard": 7},
    "chunk_samples": 5,
}
# A process that has everything imported is forked for each run, so that kills hit the work.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["pipelines.curate", "transforms.annotate_shards", "pipelines.publish", "lvlm_workers.colour_segments"]
)


def digests(output: Path) -> dict[str, str]:
    """Return the hash of every output file but those that may hold times."""
    files = (path for path in sorted(output.rglob("*")) if path.is_file())
    return {
        str(name): hashlib.sha256((output / name).read_bytes()).hexdigest()
        for name in (path.relative_to(output) for path in files)
        if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
    }


def run(config: Path, output: Path, beam_arguments: tuple[str, ...] = ()) -> None:
    """Curate in this process; leave it with the command's exit status."""

    def command() -> int:
        opened = open_run(load_config(str(config), RunConfig, output=str(output)), beam_arguments)
        with only_writer(opened):
            run_curate(opened)
        return 0

    os._exit(run_command(command))


def run_and_die(config: Path, output: Path, at: int, before: bool) -> None:
    """Curate, but die at the `at`-th commit of a file: before or after it has its name."""
    replace = os.replace
    commits = 0

    def dying(source: str, target: str) -> None:
        nonlocal commits
        commits += 1
        if commits == at and before:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if commits == at:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = dying  # type: ignore[assignment]
    run(config, output)


def start(target: Callable[..., None], *arguments: object, timeout: float | None = None) -> int | None:
    """Run a function in a process of its own, killed after `timeout` seconds; return its exit code."""
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    write_scenes(folder / "input", count=60, seed=5, size_px=64, per_shard=20)
    path = folder / "run.yaml"
    shards = f"{folder}/input/*.tar"
    path.write_text(yaml.safe_dump(CONFIG | {"input": {"shards": shards}, "output": "unused"}))
    return path


@pytest.fixture(scope="module")
def uninterrupted(config: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("whole") / "out"
    assert start(run, config, output) == 0
    assert verify(str(output)) == []
    found = digests(output)
    assert len([name for name in found if name.endswith(".tar")]) >= 3
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(
    config: Path, uninterrupted: dict[str, str], tmp_path: Path, seed: int
) -> None:
    output = tmp_path / "out"
    drawn = random.Random(seed)
    kills = 0
    while (code := start(run, config, output, timeout=drawn.uniform(0.02, 0.5) * (1 + kills / 5))) != 0:
        assert code == -signal.SIGKILL
        kills += 1
        assert kills < 100
    assert kills > 0
    assert digests(output) == uninterrupted
    assert verify(str(output)) == []


def test_killed_before_and_after_commits(config: Path, uninterrupted: dict[str, str], tmp_path: Path) -> None:
    at = 1
    while start(run_and_die, config, tmp_path / str(at), at, at % 2 == 0) == -signal.SIGKILL:
        if (tmp_path / str(at) / "run.json").exists():  # what looks complete is
            assert verify(str(tmp_path / str(at))) == []
        assert start(run, config, tmp_path / str(at)) == 0
        assert digests(tmp_path / str(at)) == uninterrupted
        at += 11
    assert at > 60


def test_threads_change_nothing(config: Path, uninterrupted: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "out"
    threads = ("--direct_num_workers=2", "--direct_running_mode=multi_threading")
    assert start(run, config, output, threads) == 0
    assert digests(output) == uninterrupted


def test_a_second_run_changes_nothing(config: Path, uninterrupted: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert start(run, config, output) == 0
    touched = {path: path.stat().st_mtime_ns for path in output.rglob("*.tar")}
    assert start(run, config, output) == 0
    assert digests(output) == uninterrupted
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.tar")} == touched
