"""Killed at random moments and run again, a run with a model asks nothing twice but what was in flight."""

import multiprocessing
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from demo_data.scenes import write_scenes
from pipelines.command import run_command
from pipelines.curate import run_curate
from pipelines.load_config import load_config
from pipelines.run import only_writer, open_run
from pipelines.verify import verify
from schemas.config import RunConfig

IN_FLIGHT = 4
SCENES = 40
# A process that has everything imported is forked for each run, so that kills hit the work.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pipelines.curate", "transforms.annotate_shards", "pipelines.publish"])


def run(config: Path) -> None:
    """Curate in this process; leave it with the command's exit status."""

    def command() -> int:
        opened = open_run(load_config(str(config), RunConfig))
        with only_writer(opened):
            run_curate(opened)
        return 0

    os._exit(run_command(command))


def run_until(config: Path, stop: Callable[[], bool]) -> int | None:
    """Run in a process of its own, killed when `stop` says so; return its exit code."""
    process = PROCESSES.Process(target=run, args=(config,))
    process.start()
    while process.is_alive() and not stop():
        process.join(0.002)
    if process.is_alive():
        process.kill()
    process.join()
    return process.exitcode


def write_config(folder: Path, output: str, server: Any) -> Path:
    """Write a run of both recipes over two shards of scenes."""
    values = {
        "name": "asked",
        "input": {"shards": f"{folder}/input/*.tar"},
        "output": str(folder / output),
        "workers": {
            "model": {"kind": "openai", "base_urls": [server.url], "model": "tiny", "in_flight": IN_FLIGHT}
        },
        "annotate": [{"recipe": "hqclip", "worker": "model"}, {"recipe": "laclip", "worker": "model"}],
        "publish": {"samples_per_shard": 7},
        "chunk_samples": 5,
    }
    path = folder / f"{output}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def digests(output: Path) -> dict[str, bytes]:
    """Return every output file that a rerun must repeat."""
    files = (path for path in sorted(output.rglob("*")) if path.is_file())
    return {
        str(name): (output / name).read_bytes()
        for name in (path.relative_to(output) for path in files)
        if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
    }


def test_killed_at_random_moments(serve: Callable[..., Any], tmp_path: Path) -> None:
    write_scenes(tmp_path / "input", count=SCENES, seed=5, size_px=64, per_shard=20)
    server = serve(latency=lambda drawn: drawn.uniform(0.005, 0.03))
    config = write_config(tmp_path, "out", server)
    drawn = random.Random(1)
    kills = 0
    while True:
        before = len(server.seen)
        after = before + drawn.randrange(1, 25)
        if (code := run_until(config, lambda after=after: len(server.seen) >= after)) == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        assert kills < 100
    assert kills > 2
    asked = Counter(str(seen.body["messages"]) for seen in server.seen)
    assert len(asked) == 2 * SCENES
    # In flight is what holds one of the window's places. A reply is in the journal before its place is given
    # to another request, so at a kill there are no more than these: some not answered, others answered and
    # their answers not read yet, which cannot be helped.
    assert asked.total() - len(asked) <= kills * IN_FLIGHT
    assert max(asked.values()) <= kills + 1
    assert verify(str(tmp_path / "out")) == []

    seen = len(server.seen)
    assert run_until(config, lambda: False) == 0
    assert len(server.seen) == seen
    whole = write_config(tmp_path, "whole", server)
    assert run_until(whole, lambda: False) == 0
    assert len(server.seen) == seen + 2 * SCENES
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
