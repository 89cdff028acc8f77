"""Who answers a recipe: what a configuration says under `workers`."""

import os.path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from schemas.section import Names, Section

Accelerator = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class RulesWorkerConfig(Section):
    """The embedded baseline: no model, only rules."""

    kind: Literal["rules"]

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return {"kind": self.kind, "model": "rules"}


class SegmentsWorkerConfig(Section):
    """The embedded detector: areas of one colour, and no model; needs the extra `segments`."""

    kind: Literal["segments"]

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return {"kind": self.kind, "model": "segments"}


class NamedModelConfig(Section):
    """What all workers with a model have."""

    model_config = ConfigDict(allow_inf_nan=False)

    kind: str
    model: str = Field(min_length=1, description="As the servers name it; else a folder or a hub id.")
    revision: str | None = Field(None, description="Of the model, for provenance; a change of it asks again.")

    @field_validator("model")
    @classmethod
    def _expand_home(cls, model: str) -> str:
        return os.path.expanduser(model)

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return {"kind": self.kind, "model": self.model, "revision": self.revision or ""}


class ModelWorkerConfig(NamedModelConfig):
    """What all workers have whose model writes texts, and is paid by the token."""

    image_pixels: int = Field(512 * 512, ge=28 * 28, description="Pictures are reduced to so many pixels.")
    price_in: float = Field(0.0, ge=0, description="Per million tokens read; any currency.")
    price_out: float = Field(0.0, ge=0, description="Per million tokens written.")

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return super().identity() | {"image_pixels": str(self.image_pixels)}


class CheckpointConfig(NamedModelConfig):
    """What all workers have whose model the transformers library runs: they need the extra `torch`."""

    batch_size: int = Field(8, ge=1, description="Requests answered together.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto: as the checkpoint says on a GPU, float32 on a CPU."
    )
    gpu: Accelerator = Field(
        "nvidia-l4", description="That Dataflow should give where device is cuda, as it names it."
    )

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return super().identity() | {"dtype": self.dtype}


class OpenAIWorkerConfig(ModelWorkerConfig):
    """Servers that speak OpenAI's chat API: vLLM, SGLang and their like."""

    kind: Literal["openai"]
    base_urls: Names = Field(description="One or many, each ending in /v1; work leaves one that fails.")
    api_key_env: str | None = Field(None, description="Environment variable that holds the key.")
    in_flight: int = Field(64, ge=1, description="Requests under way at once, over all servers.")
    timeout_s: float = Field(120, gt=0, description="Of one attempt.")
    max_attempts: int = Field(6, ge=1, description="Of one request, before the run stops.")
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0, description="In and out, as the servers count them.")
    send_seed: bool = Field(
        True, description="With sampled requests; false for servers that refuse seeds (vLLM on a CPU)."
    )

    @model_validator(mode="after")
    def _holds_no_secret(self) -> "OpenAIWorkerConfig":
        if any("@" in url.partition("://")[2].partition("/")[0] for url in self.base_urls):
            raise ValueError(
                "base_urls must hold no name or password; the key goes into api_key_env's variable"
            )
        return self


class VllmWorkerConfig(ModelWorkerConfig):
    """vLLM's engine in the worker process: needs the extra `vllm`, and usually a GPU."""

    kind: Literal["vllm"]
    in_flight: int = Field(256, ge=1, description="Requests given to the engine at once.")
    max_model_len: int | None = Field(
        None, ge=256, description="Tokens of prompt and reply; none: the model's."
    )
    dtype: str = Field("auto", description="As vLLM names it: auto, bfloat16, float16, float32.")
    quantization: str | None = Field(None, description="As vLLM names it, such as fp8 or awq.")
    gpu_memory_utilization: float = Field(
        0.9, gt=0, le=1, description="Share of a GPU's memory to take; two such workers of a run share it."
    )
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share one engine.")
    timeout_s: float = Field(
        600, gt=0, description="Without any reply, after which the engine counts as dead."
    )
    max_restarts: int = Field(
        3, ge=0, description="Of an engine that died, before the run stops; a thousand replies undo them."
    )
    gpu: Accelerator = Field("nvidia-l4", description="That Dataflow should give, as it names it.")

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return super().identity() | {"dtype": self.dtype, "quantization": self.quantization or ""}


class TransformersWorkerConfig(CheckpointConfig, ModelWorkerConfig):
    """A checkpoint that writes, by the transformers library in the worker process."""

    kind: Literal["transformers"]


class Owlv2WorkerConfig(CheckpointConfig):
    """OWLv2, which finds what phrases name, by the transformers library in the worker process."""

    kind: Literal["owlv2"]
    threshold: float = Field(
        0.1, ge=0, lt=1, description="Boxes score more; CLOC has 0.1 (2410.02746), GRAIN 0.3 (2412.04429)."
    )

    def identity(self) -> dict[str, str]:
        """Return what decides the replies; a change of it asks again, other settings do not."""
        return super().identity() | {"threshold": str(self.threshold)}


WorkerConfig = Annotated[
    RulesWorkerConfig
    | SegmentsWorkerConfig
    | OpenAIWorkerConfig
    | VllmWorkerConfig
    | TransformersWorkerConfig
    | Owlv2WorkerConfig,
    Field(discriminator="kind"),
]

DETECTORS = ("owlv2", "segments")
"""Kinds that answer recipes for detectors: boxes, and no texts."""
