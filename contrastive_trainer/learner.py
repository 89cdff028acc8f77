"""A model that learns: towers, heads, optimiser, averaged weights, and one step of them."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from contrastive_trainer.checkpoints import damaged, load_state, load_tensors
from contrastive_trainer.data.batch import Batch
from contrastive_trainer.distributed import Ranks, average_gradients, sum_over
from contrastive_trainer.embedder import Embedder, split
from contrastive_trainer.losses.grad_cache import grad_cache
from contrastive_trainer.model import Clip
from contrastive_trainer.objective import Objective
from contrastive_trainer.optimizer import Average, learning_rate, make_optimizer
from contrastive_trainer.tags import save_tags
from contrastive_trainer.tokenizer import TextEncoder
from schemas.errors import RunError
from schemas.train import TrainConfig

OPTIMIZER = "optimizer.pt"


class Learner:
    """Holds all that training changes."""

    def __init__(
        self, config: TrainConfig, clip: Clip, encoder: TextEncoder, tags: Sequence[str], ranks: Ranks
    ) -> None:
        self._config, self._ranks = config, ranks
        self.encoder, self.tags = encoder, list(tags)
        self.embedder = Embedder(clip, config.losses, tags).to(ranks.device).train()
        self.optimizer = make_optimizer(self.embedder, config.optim)
        self.average = Average(self.embedder, config.optim.ema) if config.optim.ema else None
        self._objective = Objective(config=config.losses, embedder=self.embedder, group=ranks.group)
        if config.compile:
            clip.compile_towers()

    @property
    def clip(self) -> Clip:
        """The two towers."""
        return self.embedder.clip

    def step(self, batch: Batch, step: int, steps: int) -> dict[str, float]:
        """Learn from a batch: step `step` of `steps`, from 0. All that is drawn is drawn by its number.

        Returns the losses over all ranks, and `lr`, `scale` and `gradient_norm`.

        Raises:
            RunError: the loss or its gradient is no number, or the GPU has too little memory. No weight has
                changed then.
        """
        self.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(_seed(self._config.seed, step, self._ranks.rank))
        try:
            parts = self._backward(batch.to(self._ranks.device))
        except torch.OutOfMemoryError as error:
            raise RunError(
                f"the GPU does not hold {len(batch.samples)} samples; set chunk (GradCache) or lower it"
            ) from error
        norm = self._norm()
        figures = self._over_ranks(parts) | {"gradient_norm": norm}
        self._check(step, figures)
        rate = learning_rate(step, steps, self._config.optim)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.clip.limit_scale()
        if self.average is not None:
            self.average.update(self.embedder, step)
        return figures | {"lr": rate, "scale": self.clip.scale.detach().item()}

    def _backward(self, batch: Batch) -> dict[str, Tensor]:
        """Accumulate the gradients of a batch; in chunks with GradCache where so configured."""
        parts: dict[str, Tensor] = {}

        def loss(embedded: Mapping[str, Tensor]) -> Tensor:
            total, found = self._objective(embedded, batch)
            parts.update({"loss": total.detach()} | found)
            return total

        def embed(part: Batch) -> dict[str, Tensor]:
            with self._precision():
                found: dict[str, Tensor] = self.embedder(part)
            return found

        size = self._config.chunk
        if size is None or size >= len(batch.samples):
            loss(embed(batch)).backward()  # type: ignore[no-untyped-call]  # torch's backward is untyped
        else:
            grad_cache(embed, split(batch, size), loss)
        return parts

    def _precision(self) -> AbstractContextManager[Any]:
        if self._config.precision == "float32":
            return nullcontext()
        return torch.autocast(self._ranks.device.type, torch.bfloat16)

    def _norm(self) -> float:
        """Average the gradients over ranks and clip them; return their norm before that."""
        parameters = list(self.embedder.parameters())
        average_gradients(parameters, self._ranks)
        return float(torch.nn.utils.clip_grad_norm_(parameters, self._config.optim.clip_norm or math.inf))

    def _over_ranks(self, parts: Mapping[str, Tensor]) -> dict[str, float]:
        mine = torch.stack([part.double() for part in parts.values()]).tolist()
        sums = sum_over(mine, self._ranks)
        return {name: value / self._ranks.count for name, value in zip(parts, sums, strict=True)}

    def _check(self, step: int, figures: Mapping[str, float]) -> None:
        wrong = next((name for name, value in figures.items() if not math.isfinite(value)), None)
        if wrong is not None:
            raise RunError(
                f"{wrong} is {figures[wrong]} in step {step + 1}; lower optim.lr or lengthen optim.warmup, "
                "with another --out. The checkpoints are from before: one may be the new model.checkpoint "
                f"({self._config.output}/step-*, with model.preset null)"
            )

    def save(self, folder: Path) -> None:
        """Write all that a checkpoint needs, but `progress.json`.

        That is the model as transformers loads it, tokenizer and tags, `heads.safetensors` and
        `ema.safetensors` where there are any, and `optimizer.pt`.
        """
        self._save_model(folder)
        heads = {n: p.detach() for n, p in self.embedder.named_parameters() if not n.startswith("clip.")}
        for name, tensors in (("heads", heads), ("ema", self.average.weights if self.average else {})):
            if tensors:
                save_file({key: v.contiguous() for key, v in tensors.items()}, folder / f"{name}.safetensors")
        torch.save(self.optimizer.state_dict(), folder / OPTIMIZER)

    def load(self, folder: Path) -> None:
        """Take what a checkpoint holds beside the model itself.

        Raises:
            ConfigError: it is damaged.
        """
        heads, average = load_tensors(folder, "heads"), load_tensors(folder, "ema")
        optimizer = load_state(folder, OPTIMIZER)
        try:
            mine = dict(self.embedder.named_parameters())
            with torch.no_grad():
                for name in mine:
                    if not name.startswith("clip."):
                        mine[name].copy_(heads[name])
            if self.average is not None:
                self.average.load(average)
            self.optimizer.load_state_dict(optimizer)
        except (KeyError, RuntimeError, ValueError) as error:
            raise damaged(folder, error) from error

    def publish(self, folder: Path) -> None:
        """Write the finished model as transformers loads it: the averaged weights where there are any."""
        if self.average is not None:
            self.average.swap(self.embedder)
        try:
            self._save_model(folder)
        finally:
            if self.average is not None:
                self.average.swap(self.embedder)

    def _save_model(self, folder: Path) -> None:
        self.clip.save(folder)
        self.encoder.save(folder, mask=not self.clip.is_siglip)
        if self.tags:
            save_tags(folder, self.tags)


def _seed(*numbers: int) -> int:
    """Return a seed that no other numbers have, as good as surely."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
