"""What Dataflow is asked for, without a network: the jobs that would be sent, stage by stage."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import yaml
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.transforms import environments

import pipelines.annotate
import pipelines.dedup
import pipelines.profile
import pipelines.publish
import pipelines.score
from demo_data.scenes import write_scenes
from pipelines.command import check_beam_arguments, run_stage
from pipelines.engine import run_pipeline
from pipelines.load_config import load_config
from pipelines.run import Run, open_run
from schemas.config import RunConfig
from schemas.errors import ConfigError

ROOT = Path(__file__).parents[2]
BY_RULE = {
    "workers": {"baseline": {"kind": "rules"}},
    "annotate": [{"recipe": "hqclip", "worker": "baseline"}],
}
GPU = {"accelerator": "type:nvidia-l4;count:1;install-nvidia-driver", "min_ram_bytes": str(24 * 10**9)}
IMAGE = "us-docker.pkg.dev/project-1/images/pairwright:gpu"

Graph = beam_runner_api_pb2.Pipeline


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dataflow")
    write_scenes(folder, count=8, seed=5, size_px=64, per_shard=4)
    return f"{folder}/*.tar"


def beam_options(name: str) -> list[str]:
    """Return the Beam options of the command in an example configuration, with names filled in."""
    lines = (ROOT / "configs" / name).read_text().splitlines()
    text = " ".join(line.lstrip("# ").rstrip("\\") for line in lines if line.startswith("#   "))
    command, _, options = text.partition(" -- ")
    assert command == f"pairwright curate configs/{name}"
    for placeholder, value in {"PROJECT": "project-1", "BUCKET": "bucket-of-1", "HOST": "host-1"}.items():
        options = options.replace(placeholder, value)
    return options.split()


class _BuiltError(Exception):
    """The graph of a step that cannot run here is known."""


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Graph]:
    """Record what each stage would send to Dataflow; without a GPU's step, run it here."""
    found: dict[str, Graph] = {}
    arguments = beam_options("dataflow.yaml")
    for stage in ("profile", "dedup", "annotate", "score", "publish", "usage"):

        def record(build: Callable[[beam.Pipeline], None], _: Any, stage: str = stage) -> None:
            graph = translate(build, arguments)
            found[f"{stage} {sum(name.split()[0] == stage for name in found)}"] = graph
            if any(hints(graph).values()):
                raise _BuiltError
            run_pipeline(build, [])

        monkeypatch.setattr(f"pipelines.{stage}.run_pipeline", record)
    return found


def translate(build: Callable[[beam.Pipeline], None], arguments: list[str]) -> Graph:
    """Return the graph as Dataflow's runner makes it: by itself where the extra `gcp` is installed."""
    options = PipelineOptions([*arguments, "--dry_run=True"])
    try:
        import google.auth  # noqa: F401
        from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
    except ImportError:
        image = options.view_as(WorkerOptions).sdk_container_image
        pipeline = beam.Pipeline(runner="FnApiRunner", options=options)
        build(pipeline)
        return pipeline.to_runner_api(
            default_environment=environments.DockerEnvironment.from_container_image(image)
        )
    os.environ["NO_GCE_CHECK"] = "true"
    runner = DataflowRunner()
    pipeline = beam.Pipeline(runner=runner, options=options)
    build(pipeline)
    pipeline.run()
    graph: Graph = runner.proto_pipeline
    return graph


def hints(graph: Graph) -> dict[str, dict[str, str]]:
    """Return the resource hints of every step that is no composite, by its name."""
    found = {}
    for step in graph.components.transforms.values():
        if not step.subtransforms and step.environment_id:
            environment = graph.components.environments[step.environment_id]
            found[step.unique_name] = {
                urn.split(":")[-2]: value.decode() for urn, value in environment.resource_hints.items()
            }
    return found


def images(graph: Graph) -> set[str]:
    """Return the container images in which steps run."""
    found = set()
    for environment in graph.components.environments.values():
        assert environment.urn == "beam:env:docker:v1"
        docker = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
        found.add(docker.container_image)
    return found


def dataflow_run(shards: str, output: Path, **changed: Any) -> Run:
    """Return a run of scenes, with workers and score of configs/dataflow.yaml, as if it were for Dataflow."""
    values = yaml.safe_load((ROOT / "configs" / "dataflow.yaml").read_text())
    values |= {"input": {"shards": shards}, "profile": {"filters": []}, "dedup": {}, **changed}
    path = output.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(values))
    run = open_run(load_config(str(path), RunConfig, (), str(output)), ["--runner=DataflowRunner"])
    assert run.arguments == ("--runner=DataflowRunner",)
    return run


def test_dataflow_is_asked_for_gpus_where_a_model_answers_and_nowhere_else(
    shards: str, graphs: dict[str, Graph], tmp_path: Path
) -> None:
    run = dataflow_run(shards, tmp_path / "vllm")
    pipelines.profile.run_profile(run)
    pipelines.dedup.run_dedup(run)
    with pytest.raises(_BuiltError):  # neither vLLM nor a GPU is here: the driver needs none
        pipelines.annotate.run_annotate(run)
    assert sorted(graphs) == ["annotate 0", "dedup 0", "profile 0"]
    for graph in graphs.values():
        assert images(graph) == {IMAGE}
    assert not any(hints(graphs["profile 0"]).values())
    assert not any(hints(graphs["dedup 0"]).values())
    found = hints(graphs["annotate 0"])
    with_gpu = [name for name, hint in found.items() if hint]
    assert len(with_gpu) == 1
    assert with_gpu[0].startswith("Annotate hqclip/")
    assert found[with_gpu[0]] == GPU
    assert any(name.startswith("Commit hqclip/") for name in found)


def test_dataflow_is_asked_for_a_gpu_to_score_and_none_to_publish(
    shards: str, graphs: dict[str, Graph], tmp_path: Path
) -> None:
    run = dataflow_run(shards, tmp_path / "scored", **BY_RULE)
    pipelines.profile.run_profile(run)
    pipelines.dedup.run_dedup(run)
    pipelines.annotate.run_annotate(run)
    with pytest.raises(_BuiltError):
        pipelines.score.run_score(run)
    assert not any(hints(graphs["annotate 0"]).values())
    found = {name: hint for name, hint in hints(graphs["score 0"]).items() if hint}
    assert list(found.values()) == [GPU]
    assert next(iter(found)).startswith("ScoreShards/")
    plain = dataflow_run(shards, tmp_path / "published", **BY_RULE, score=None)
    for stage in (pipelines.profile.run_profile, pipelines.dedup.run_dedup, pipelines.annotate.run_annotate):
        stage(plain)
    pipelines.publish.run_publish(plain)
    published = [graph for name, graph in graphs.items() if name.startswith("publish")]
    assert len(published) >= 1
    for graph in published:
        assert images(graph) == {IMAGE}
        assert not any(hints(graph).values())


def test_a_gpu_is_looked_for_where_steps_run_here(shards: str, tmp_path: Path) -> None:
    run = dataflow_run(shards, tmp_path / "out", **BY_RULE)
    pipelines.score.check_scorer(run)
    if pytest.importorskip("torch").cuda.is_available():
        pytest.skip("a GPU is here")
    here = open_run(run.config)
    with pytest.raises(ConfigError, match="no GPU here"):
        pipelines.score.check_scorer(here)


def test_dataflow_with_paths_of_this_machine_is_refused_before_it_starts(shards: str, tmp_path: Path) -> None:
    run = dataflow_run(shards, tmp_path / "out")
    with pytest.raises(ConfigError, match="Dataflow's machines cannot reach .*/out; put it in a bucket"):
        run_stage(lambda _: pytest.fail("it ran"), run)


def test_dataflow_without_our_package_is_refused_before_it_starts(shards: str, tmp_path: Path) -> None:
    run = dataflow_run(shards, tmp_path / "out")
    there = replace(run, config=run.config.model_copy(update={"output": "gs://bucket-of-1/out"}), jobs=())
    with pytest.raises(ConfigError, match="Dataflow's machines lack Pairwright; give --sdk_container_image"):
        run_stage(lambda _: pytest.fail("it ran"), there)


@pytest.mark.parametrize("name", ["dataflow.yaml", "spark.yaml"])
def test_example_configurations_hold_and_beam_knows_their_options(name: str) -> None:
    loaded = load_config(str(ROOT / "configs" / name), RunConfig)
    scheme = {"dataflow.yaml": "gs://", "spark.yaml": "hdfs://"}[name]
    assert loaded.output.startswith(scheme)
    assert all(shard.startswith(scheme) for shard in loaded.input.shards)
    try:
        check_beam_arguments(beam_options(name))
    except ConfigError as error:
        assert "apache_beam[gcp]" in str(error)
    finally:
        FileSystems.set_options(None)
