"""What the machines need on which a worker with a model of its own runs."""

from schemas.score import ClipConfig
from schemas.workers import WorkerConfig

RAM_GB_A_GPU = 24
"""Holds a model of 8 billion parameters at 2 bytes each on its way to the GPU, and the pictures in flight."""


def resource_hints(config: WorkerConfig) -> dict[str, str]:
    """Return Beam's resource hints for the step that this worker answers; none where it needs no GPU.

    Dataflow starts such machines for the step; local engines take no notice.
    """
    match config.kind:
        case "vllm":
            return _gpus(config.gpu, config.tensor_parallel)
        case "transformers" | "owlv2" if config.device == "cuda":
            return _gpus(config.gpu, 1)
        case _:
            return {}


def clip_hints(config: ClipConfig) -> dict[str, str]:
    """Return Beam's resource hints for the step that scores; none where it needs no GPU."""
    return _gpus(config.gpu, 1) if config.device == "cuda" else {}


def _gpus(name: str, number: int) -> dict[str, str]:
    return {
        "accelerator": f"type:{name};count:{number};install-nvidia-driver",
        "min_ram": f"{RAM_GB_A_GPU * number}GB",
    }
