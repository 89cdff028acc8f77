"""The workers a configuration can name."""

from lvlm_workers.base import Worker
from lvlm_workers.rules import RulesWorker
from schemas.config import WorkerConfig
from schemas.errors import ConfigError


def make_worker(config: WorkerConfig) -> Worker:
    """Return the worker that the configuration describes."""
    match config.kind:
        case "rules":
            return RulesWorker()
        case _:
            raise ConfigError(f"no worker {config.kind!r}")
