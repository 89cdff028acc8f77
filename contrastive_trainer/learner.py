"""A model that learns: towers, heads, optimiser, averaged weights, and one step of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from contrastive_trainer.data.batch import Batch
from contrastive_trainer.distributed import Ranks, average_gradients, sum_over
from contrastive_trainer.embedder import Embedder, split
from contrastive_trainer.losses.grad_cache import grad_cache
from contrastive_trainer.model import Clip
from contrastive_trainer.objective import objective
from contrastive_trainer.optimizer import Average, learning_rate, make_optimizer
from contrastive_trainer.tags import save_tags
from contrastive_trainer.tokenizer import TextEncoder
from schemas.errors import ConfigError
from schemas.train import TrainConfig


class Learner:
    """Holds all that training changes."""

    def __init__(
        self, config: TrainConfig, clip: Clip, encoder: TextEncoder, tags: Sequence[str], ranks: Ranks
    ) -> None:
        self._config, self._ranks, self._tags = config, ranks, list(tags)
        self.encoder = encoder
        self.embedder = Embedder(clip, config.losses, tags).to(ranks.device)
        self.embedder.train()
        self.optimizer = make_optimizer([self.embedder], config.optim)
        self.average = Average(self.embedder, config.optim.ema) if config.optim.ema else None
        if config.compile:
            clip.model.vision_model.compile()
            clip.model.text_model.compile()

    @property
    def clip(self) -> Clip:
        """The two towers."""
        return self.embedder.clip

    def step(self, batch: Batch, step: int, steps: int) -> dict[str, float]:
        """Learn from a batch; return the losses over all ranks, the rate, scale and gradient norm."""
        self.embedder.train()
        self.optimizer.zero_grad(set_to_none=True)
        parts = self._backward(batch)
        parameters = list(self.embedder.parameters())
        average_gradients(parameters, self._ranks)
        limit = self._config.optim.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit if limit is not None else torch.inf)
        rate = learning_rate(step, steps, self._config.optim)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.embedder, step)
        count = self._ranks.count
        figures = {name: sum_over(float(part), self._ranks) / count for name, part in parts.items()}
        return figures | {"lr": rate, "scale": float(self.clip.scale), "gradient_norm": float(norm)}

    def _backward(self, batch: Batch) -> dict[str, Tensor]:
        """Accumulate the gradients of a batch; in chunks with GradCache where so configured."""
        parts: dict[str, Tensor] = {}

        def loss(embedded: Mapping[str, Tensor]) -> Tensor:
            total, found = objective(embedded, batch, self.embedder, self._config.losses, self._ranks.group)
            parts.update(found | {"loss": total.detach()})
            return total

        def embed(part: Batch) -> dict[str, Tensor]:
            with self._precision():
                found: dict[str, Tensor] = self.embedder(part)
            return found

        size = self._config.chunk
        if size is None or size >= len(batch.samples):
            loss(embed(batch)).backward()  # type: ignore[no-untyped-call]
        else:
            grad_cache(embed, split(batch, size), loss)
        return parts

    def _precision(self) -> AbstractContextManager[Any]:
        if self._config.precision == "float32":
            return nullcontext()
        return torch.autocast(self._ranks.device.type, torch.bfloat16)

    def tensors(self) -> dict[str, Mapping[str, Tensor]]:
        """Return what a checkpoint holds beside the towers: heads, and averaged weights."""
        heads = {n: p.detach() for n, p in self.embedder.named_parameters() if not n.startswith("clip.")}
        return {"heads": heads, "ema": self.average.weights if self.average else {}}

    def resume(
        self,
        clip: Clip,
        heads: Mapping[str, Tensor],
        average: Mapping[str, Tensor],
        optimizer: dict[str, Any],
    ) -> None:
        """Take the state of a checkpoint.

        Raises:
            ConfigError: it is of another model.
        """
        try:
            self.clip.load_state_dict(clip.state_dict())
            mine = dict(self.embedder.named_parameters())
            with torch.no_grad():
                for name, value in heads.items():
                    mine[name].copy_(value)
            if self.average is not None:
                self.average.load(average)
            self.optimizer.load_state_dict(optimizer)
        except (KeyError, RuntimeError, ValueError) as error:
            line = str(error).splitlines()[0][:200]
            raise ConfigError(f"the checkpoint is of another model ({line}); give another output") from error

    def publish(self, folder: Path) -> None:
        """Write the finished model as transformers loads it: the averaged weights where there are any."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.average is not None:
            self.average.swap(self.embedder)
        try:
            self.clip.save(folder)
        finally:
            if self.average is not None:
                self.average.swap(self.embedder)
        self.encoder.save(folder)
        if self._tags:
            save_tags(folder, self._tags)
