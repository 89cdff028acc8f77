"""AdamW, its groups, and the learning rate of a step."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from schemas.train import OptimConfig


def make_optimizer(module: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """Return AdamW over all parameters; only matrices are decayed (Radford et al. 2021, section 2.5).

    Gains, biases, the class embedding and the logit scale are not.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps, foreach=True)


def learning_rate(step: int, steps: int, config: OptimConfig) -> float:
    """Return the learning rate of a step, from 0: a linear warm-up, then a half cosine down to `min_lr`.

    >>> config = OptimConfig(lr=1.0, warmup=2)
    >>> [round(learning_rate(step, 6, config), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, steps - config.warmup)
    return config.min_lr + (config.lr - config.min_lr) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Average:
    """Exponentially averaged weights; the decay grows with the steps, so that the start is soon forgotten.

    The decay of step t is min(decay, (1 + t) / (10 + t)), as TensorFlow's ExponentialMovingAverage has it.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.weights = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the weights after a step, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, parameter in module.named_parameters():
            self.weights[name].lerp_(parameter.detach(), 1 - decay)

    @torch.no_grad()
    def swap(self, module: nn.Module) -> None:
        """Exchange the averaged weights with the module's."""
        for name, parameter in module.named_parameters():
            mine = self.weights[name].clone()
            self.weights[name].copy_(parameter)
            parameter.copy_(mine)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take saved averages."""
        for name, value in self.weights.items():
            value.copy_(weights[name])
