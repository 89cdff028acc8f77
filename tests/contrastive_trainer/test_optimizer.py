"""The learning rate's closed form, which weights decay, and averaged weights."""

import math

import pytest
import torch
from torch import nn

from contrastive_trainer.embedder import Embedder
from contrastive_trainer.model import load_clip
from contrastive_trainer.optimizer import Average, learning_rate, make_optimizer
from schemas.train import LossesConfig, OptimConfig


@pytest.mark.parametrize(
    ("warmup", "steps", "low"), [(0, 10, 0.0), (4, 50, 1e-5), (1, 2, 0.0), (100, 50, 0.0)]
)
def test_learning_rate(warmup: int, steps: int, low: float) -> None:
    config = OptimConfig(lr=2e-3, min_lr=low, warmup=warmup)
    for step in range(steps):
        found = learning_rate(step, steps, config)
        if step < warmup:
            assert found == pytest.approx(2e-3 * (step + 1) / warmup)
        else:
            angle = math.pi * (step - warmup) / (steps - warmup)
            assert found == pytest.approx((2e-3 + low) / 2 + (2e-3 - low) / 2 * math.cos(angle))
    if warmup < steps:
        assert learning_rate(steps, steps, config) == pytest.approx(low, abs=1e-12)


def test_only_matrices_decay(small_siglip: object, small_clip: object) -> None:
    losses = LossesConfig.model_validate({"regions": {}, "stc": {}})
    for folder in (small_clip, small_siglip):
        embedder = Embedder(load_clip(str(folder)), losses, ["a", "b", "c"])
        optimizer = make_optimizer(embedder, OptimConfig(weight_decay=0.3))
        names = {id(parameter): name for name, parameter in embedder.named_parameters()}
        decayed, others = ([names[id(p)] for p in group["params"]] for group in optimizer.param_groups)
        assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.0]
        assert len(decayed) + len(others) == len(names)
        last = {name.rsplit(".", 1)[-1] for name in others}
        assert last <= {"bias", "weight", "class_embedding", "logit_scale", "logit_bias", "log_scale",
                        "in_proj_bias"}  # fmt: skip
        norms = [name for name in others if name.endswith(".weight")]
        assert norms
        assert all("norm" in name for name in norms)
        assert not [name for name in decayed if "norm" in name or name.endswith("bias")]
        assert "tag_head.tag_VD" in decayed


def test_decay_shrinks_matrices_by_lr_times_decay() -> None:
    module = nn.Linear(3, 2)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    optimizer = make_optimizer(module, OptimConfig(lr=0.1, weight_decay=0.5))
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(module.weight.detach(), before[0] * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias.detach(), before[1])


def test_averages_are_those_of_the_recursion() -> None:
    module = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(1.0)
    average, expected = Average(module, 0.9), 1.0
    for step, value in enumerate([3.0, -2.0, 7.0] * 40):
        with torch.no_grad():
            module.weight.fill_(value)
        average.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.weights["weight"].item() == pytest.approx(expected, abs=1e-5)
    average.swap(module)
    assert module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert average.weights["weight"].item() == 7.0
    average.swap(module)
    assert module.weight.item() == 7.0
    again = Average(module, 0.9)
    again.load(average.weights)
    assert torch.equal(again.weights["weight"], average.weights["weight"])
