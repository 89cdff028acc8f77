"""OWLv2 in the worker process, which finds in a picture what phrases name.

Minderer et al. 2023, Scaling Open-Vocabulary Object Detection (arXiv 2306.09683); the transformers library.
"""

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

from lvlm_workers.base import Reply, Request, Worker
from lvlm_workers.in_process import need_packages
from schemas.workers import Owlv2WorkerConfig

if TYPE_CHECKING:
    from lvlm_workers.owlv2_batches import Owlv2Batches


class Owlv2Worker(Worker):
    """Answers `{"phrases": [text]}` with `{"regions": [{"box": [x0, y0, x1, y1], "phrase", "score"}]}`.

    Boxes are in 0..1 of the upright picture, the best first, at most 300, each with the phrase that scores
    most for it. Nothing is looked for, and no model loaded, where there are no phrases. Replies differ in
    their last digits with what else is in a batch. `seconds` is a reply's share of its batch. A reply with
    finish reason `refused_request` was written by no model (see `lvlm_workers.chat_api`).

    Raises:
        ConfigError: torch or transformers is not installed.
    """

    name = "owlv2"
    repeatable = False
    reads_images = True

    def __init__(self, config: Owlv2WorkerConfig) -> None:
        need_packages(self.name, "torch", "transformers", "safetensors", extra="torch")
        self._config = config
        self._batches: Owlv2Batches | None = None

    def answer(self, requests: Iterable[Request]) -> Generator[tuple[Request, Reply], None, None]:
        """Yield each request with its reply; two batches are pulled at once.

        Raises:
            WorkerError: the checkpoint cannot be loaded, fails, answers none of the first requests, or one
                takes more than the GPU's memory; or a request holds no phrases, or no picture.
        """
        if self._batches is None:
            from lvlm_workers.owlv2_batches import Owlv2Batches

            self._batches = Owlv2Batches(self._config)
        yield from self._batches.answer(requests)

    def check(self) -> None:
        """Look at all but the weights: whether they are there, of an OWLv2, and safe to read.

        Raises:
            WorkerError: they are not, or there is no GPU and one is asked for.
        """
        from lvlm_workers.checkpoint_files import need_device
        from lvlm_workers.owlv2_checkpoint import find_owlv2

        find_owlv2(self._config)
        need_device(self._config)

    def close(self) -> None:
        """Let go of the model and its memory."""
        if self._batches is not None:
            import torch

            self._batches = None
            torch.cuda.empty_cache()
