"""The workers a configuration can name."""

from lvlm_workers.base import Worker
from lvlm_workers.openai import OpenAIWorker
from lvlm_workers.rules import RulesWorker
from schemas.errors import ConfigError
from schemas.workers import WorkerConfig


def make_worker(config: WorkerConfig) -> Worker:
    """Return the worker that the configuration describes.

    Raises:
        ConfigError: it cannot be made: a URL is none, or a key is not in the environment.
    """
    match config.kind:
        case "rules":
            return RulesWorker()
        case "openai":
            return OpenAIWorker(config)
        case _:
            raise ConfigError(f"no worker {config.kind!r}")
