"""The same run on every engine that is here: the same bytes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import yaml
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import HadoopFileSystemOptions

from demo_data.scenes import write_scenes
from pipelines.command import check_beam_arguments
from pipelines.engine import in_one_process, run_pipeline, runs_elsewhere

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = {
    "name": "engines",
    "profile": {"filters": [{"kind": "words", "min": 6}], "max_drop_ratio": 1},
    "dedup": {"near": {"max_distance": 2}},
    "workers": {"baseline": {"kind": "rules"}, "detector": {"kind": "segments"}},
    "annotate": [
        {"recipe": "hqclip", "worker": "baseline"},
        {"recipe": "laclip", "worker": "baseline"},
        {"recipe": "cloc_phrases", "worker": "baseline"},
        {"recipe": "detect", "worker": "detector"},
    ],
    "score": {
        "keep": [{"of": "clip_best", "share": 0.9}],
        "texts": {"margin": 0.0},
        "words": {"rewrite": "baseline", "template": ""},
        "semantic": {"max_cosine": 0.9999},
        "embeddings": True,
    },
    "publish": {"samples_per_shard": 7},
    "chunk_samples": 5,
}
LOOPBACK = "--environment_type=LOOPBACK"


def _prism() -> list[str]:
    binary = os.environ.get("PAIRWRIGHT_PRISM") or shutil.which("prism")
    if not binary:
        pytest.skip(
            "no Prism: neither PAIRWRIGHT_PRISM nor the PATH names its binary, and Beam would fetch it"
        )
    return ["--runner=PrismRunner", f"--prism_location={binary}", LOOPBACK]


def _spark() -> list[str]:
    jar = os.environ.get("PAIRWRIGHT_SPARK_JOB_SERVER_JAR")
    if not jar:
        pytest.skip("PAIRWRIGHT_SPARK_JOB_SERVER_JAR names no job server, which Maven has")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java, which is not installed")
    return ["--runner=SparkRunner", f"--spark_job_server_jar={jar}", LOOPBACK]


ENGINES: dict[str, Callable[[], list[str]]] = {
    "processes": lambda: [
        "--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"
    ],
    "portable": lambda: ["--runner=PortableRunner", "--job_endpoint=embed", LOOPBACK],
    "prism": _prism,
    "spark": _spark,
}  # fmt: skip


@pytest.fixture(scope="module")
def config(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a configuration over 24 scenes, two of them twice, in four shards."""
    folder = tmp_path_factory.mktemp("engines")
    write_scenes(folder / "input", count=24, seed=5, size_px=64, per_shard=8)
    write_scenes(folder / "again", count=2, seed=9, size_px=64, per_shard=8)
    (folder / "again" / "00000.tar").rename(folder / "input" / "00003.tar")
    path = folder / "run.yaml"
    shards = f"{folder}/input/*.tar"
    score = CONFIG["score"] | {"clip": {"checkpoint": str(checkpoint)}}
    here = {"input": {"shards": shards}, "output": f"{folder}/out", "score": score}
    path.write_text(yaml.safe_dump(CONFIG | here))
    return path


@pytest.fixture(scope="module")
def embedded(config: Path, curate: Callable[..., Any]) -> dict[str, str]:
    """Return the digests of the embedded engine's output."""
    run = curate(config, config.parent / "embedded")
    assert run.counts["dropped"]["dedup"] == {"exact_duplicate": 2}
    assert len([name for name in run.digests if name.endswith(".tar")]) >= 2
    told = json.loads((run.output / "run.json").read_text())["score"]
    assert told["rewritten"]["long_positive"]["mended"] > 0
    assert "embeddings/00000.parquet" in run.digests
    return dict(run.digests)


def digests(output: Path) -> dict[str, str]:
    names = (path.relative_to(output) for path in output.rglob("*") if path.is_file())
    return {
        str(name): hashlib.sha256((output / name).read_bytes()).hexdigest()
        for name in names
        if name.parts[0] != "work" and str(name) not in ("run.json", "report.html")
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_writes_the_same_bytes(
    engine: str, config: Path, embedded: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pairwright", "curate", str(config), "--out", str(tmp_path), "--quiet"]
    done = subprocess.run([*command, "--", *ENGINES[engine]()], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert digests(tmp_path) == embedded


def test_direct_runner_is_the_embedded_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    class Watched(beam.Pipeline):  # type: ignore[misc]
        def __init__(self, runner: Any, options: Any) -> None:
            used.append(type(runner).__name__ if not isinstance(runner, str) else runner)
            super().__init__(runner="FnApiRunner", options=options)

    monkeypatch.setattr(beam, "Pipeline", Watched)
    for arguments in ([], ["--runner=DirectRunner"], ["--runner=FnApiRunner"], ["--runner=PrismRunner"]):
        run_pipeline(lambda pipeline: None, arguments)
    assert used == ["FnApiRunner", "FnApiRunner", "FnApiRunner", "PrismRunner"]


@pytest.mark.parametrize(
    ("arguments", "elsewhere", "one_process"),
    [
        ([], False, True),
        (["--s3_region_name=eu-central-1"], False, True),
        (["--runner=DirectRunner"], False, True),
        (["--direct_running_mode=multi_processing", "--direct_num_workers=2"], False, False),
        (["--runner=SparkRunner", LOOPBACK], False, False),
        (["--runner=SparkRunner", "--environment_type=DOCKER"], True, False),
        (["--runner=DataflowRunner"], True, False),
    ],
)
def test_where_steps_run(arguments: list[str], elsewhere: bool, one_process: bool) -> None:
    assert runs_elsewhere(arguments) is elsewhere
    assert in_one_process(arguments) is one_process


def test_filesystems_have_the_options_before_a_pipeline_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    check_beam_arguments(["--hdfs_host=namenode", "--hdfs_port=9870", "--hdfs_user=me"])
    found = FileSystems._pipeline_options.view_as(HadoopFileSystemOptions)
    assert (found.hdfs_host, found.hdfs_port, found.hdfs_user) == ("namenode", "9870", "me")
