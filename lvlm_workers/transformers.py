"""A checkpoint in the worker process, by the transformers library."""

from collections.abc import Generator, Iterable
from itertools import chain
from typing import TYPE_CHECKING

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.in_process import need_packages, served_model
from schemas.workers import TransformersWorkerConfig

if TYPE_CHECKING:
    from lvlm_workers.batches import Batches


class TransformersWorker(Worker):
    """Answers with an image-text-to-text or text-generation checkpoint, in batches, on a CPU or one GPU.

    The model is loaded when the first request comes. Replies follow the request's sampling alone: of the
    checkpoint's generation settings only its special tokens stay. A greedy reply is the same in any batch,
    and a sampled one is drawn by its own seed, so that both differ between batches only where rounding does.
    `Request.schema` is not enforced. `seconds` is a reply's share of its batch. A reply with finish reason
    `refused_request` was written by no model (see `lvlm_workers.chat_api`).

    Raises:
        ConfigError: torch or transformers is not installed.
    """

    name = "transformers"
    repeatable = False
    reads_images = True

    def __init__(self, config: TransformersWorkerConfig) -> None:
        need_packages(self.name, "torch", "transformers", "safetensors", extra="torch")
        self._config = config
        self._batches: Batches | None = None

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply; four batches are pulled at once and sorted by length.

        Raises:
            WorkerError: the checkpoint cannot be loaded, answers none of the first requests, reads no
                pictures although one is asked about, or one request takes more than the GPU's memory.
        """
        source = iter(requests)
        for first in source:
            yield from self._loaded().answer(chain([first], source))

    def check(self) -> None:
        """Look at all but the weights: whether they are there, of a class that can answer, and safe to read.

        Raises:
            WorkerError: they are not, or there is no GPU and one is asked for.
        """
        from lvlm_workers.checkpoint_files import find_checkpoint, need_device

        find_checkpoint(self._config)
        need_device(self._config)

    def close(self) -> None:
        """Let go of the model and its memory."""
        if self._batches is not None:
            import torch

            self._batches = None
            torch.cuda.empty_cache()

    def _loaded(self) -> "Batches":
        if self._batches is None:
            from lvlm_workers.batches import Batches
            from lvlm_workers.checkpoint import Checkpoint

            self._batches = Batches(Checkpoint(self._config), self._config, served_model(self._config))
        return self._batches
