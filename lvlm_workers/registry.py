"""The workers a configuration can name."""

from lvlm_workers.base import Worker
from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.owlv2 import Owlv2Worker
from lvlm_workers.rules import RulesWorker
from lvlm_workers.segments import SegmentsWorker
from lvlm_workers.transformers import TransformersWorker
from lvlm_workers.vllm import VllmWorker
from schemas.errors import ConfigError
from schemas.workers import WorkerConfig


def make_worker(config: WorkerConfig) -> Worker:
    """Return the worker that the configuration describes.

    Raises:
        ConfigError: it cannot be made: a URL is none, a key is not set, or a package is missing.
    """
    match config.kind:
        case "rules":
            return RulesWorker()
        case "segments":
            return SegmentsWorker()
        case "openai":
            return OpenAIWorker(config)
        case "transformers":
            return TransformersWorker(config)
        case "owlv2":
            return Owlv2Worker(config)
        case "vllm":
            return VllmWorker(config)
        case _:
            raise ConfigError(f"no worker {config.kind!r}")
