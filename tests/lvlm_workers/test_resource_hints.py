import apache_beam as beam
import pytest
from apache_beam.transforms.resources import parse_resource_hints
from pydantic import ValidationError

from lvlm_workers.resource_hints import resource_hints
from schemas.workers import (
    OpenAIWorkerConfig,
    Owlv2WorkerConfig,
    RulesWorkerConfig,
    TransformersWorkerConfig,
    VllmWorkerConfig,
    WorkerConfig,
)

ACCELERATOR = "beam:resources:accelerator:v1"
MIN_RAM = "beam:resources:min_ram_bytes:v1"


@pytest.mark.parametrize(
    ("config", "accelerator", "ram"),
    [
        (VllmWorkerConfig(kind="vllm", model="m"), b"type:nvidia-l4;count:1", 24e9),
        (
            VllmWorkerConfig(kind="vllm", model="m", gpu="nvidia-h100-80gb", tensor_parallel=4),
            b"type:nvidia-h100-80gb;count:4",
            96e9,
        ),
        (
            TransformersWorkerConfig(kind="transformers", model="m", device="cuda", gpu="nvidia-tesla-t4"),
            b"type:nvidia-tesla-t4;count:1",
            24e9,
        ),
        (Owlv2WorkerConfig(kind="owlv2", model="m", device="cuda"), b"type:nvidia-l4;count:1", 24e9),
    ],
)
def test_a_model_on_a_gpu_as_beam_reads_it(config: WorkerConfig, accelerator: bytes, ram: float) -> None:
    parsed = parse_resource_hints(resource_hints(config))
    assert parsed == {
        ACCELERATOR: accelerator + b";install-nvidia-driver",
        MIN_RAM: str(int(ram)).encode(),
    }


@pytest.mark.parametrize(
    "config",
    [
        RulesWorkerConfig(kind="rules"),
        OpenAIWorkerConfig(kind="openai", base_urls=("http://a/v1",), model="m"),
        TransformersWorkerConfig(kind="transformers", model="m"),
        TransformersWorkerConfig(kind="transformers", model="m", device="cpu"),
        Owlv2WorkerConfig(kind="owlv2", model="m"),
    ],
)
def test_what_needs_no_gpu_asks_for_none(config: WorkerConfig) -> None:
    assert resource_hints(config) == {}


def test_the_hints_reach_the_step_alone() -> None:
    pipeline = beam.Pipeline()
    hints = resource_hints(VllmWorkerConfig(kind="vllm", model="m"))
    numbers = pipeline | beam.Create([1])
    _ = numbers | "with" >> beam.Map(abs).with_resource_hints(**hints)
    none = resource_hints(RulesWorkerConfig(kind="rules"))
    _ = numbers | "without" >> beam.Map(abs).with_resource_hints(**none)
    proto = pipeline.to_runner_api()
    hinted = {
        transform.unique_name: sorted(proto.components.environments[transform.environment_id].resource_hints)
        for transform in proto.components.transforms.values()
        if transform.environment_id
    }
    assert hinted["with"] == [ACCELERATOR, MIN_RAM]
    assert hinted["without"] == []


def test_an_accelerator_that_is_no_name() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        VllmWorkerConfig(kind="vllm", model="m", gpu="nvidia-l4;count:8")
