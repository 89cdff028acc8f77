import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.hni import hard_negative

Units = Callable[..., Tensor]


def test_by_hand() -> None:
    # Image (1, 0); its caption has cosine 1, its negatives 0.6 and 0: e^5 / (e^5 + e^3 + e^0).
    image = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    negatives = torch.tensor([[[0.6, 0.8], [0.0, 1.0]]], dtype=torch.float64)
    expected = -math.log(math.exp(5) / (math.exp(5) + math.exp(3) + 1))
    both = torch.tensor([[True, True]])
    assert hard_negative(image, image, negatives, 5.0, both).item() == pytest.approx(expected)
    first = torch.tensor([[True, False]])
    expected = math.log1p(math.exp(-2))
    assert hard_negative(image, image, negatives, 5.0, first).item() == pytest.approx(expected)


def test_equals_cross_entropy_over_own_texts_alone(units: Units) -> None:
    image, text, negatives = units(6, 4, seed=1), units(6, 4, seed=2), units(6, 3, 4, seed=3)
    scale = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    valid = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]]).bool()
    terms = []
    for n in range(6):
        if valid[n].any():
            choices = torch.cat([text[n : n + 1], negatives[n][valid[n]]])
            terms.append(functional.cross_entropy((scale * choices @ image[n])[None], torch.tensor([0])))
    inputs = [image, text, negatives, scale]
    expected = torch.stack(terms).mean()
    found = hard_negative(image, text, negatives, scale, valid)
    torch.testing.assert_close(found, expected)
    found_gradients = torch.autograd.grad(found, inputs)
    torch.testing.assert_close(found_gradients, torch.autograd.grad(expected, inputs))
    assert torch.autograd.gradcheck(lambda *a: hard_negative(*a, valid), inputs)


def test_without_any_negative_there_is_nothing_to_learn(units: Units) -> None:
    image = units(2, 4, seed=1)
    loss = hard_negative(image, image, torch.zeros(2, 0, 4), 100.0, torch.zeros(2, 0, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert image.grad is not None
    assert not image.grad.any()
    with pytest.raises(ValueError, match=r"\(N, K, D\)"):
        hard_negative(image, image, image, 1.0, torch.ones(2, 4, dtype=torch.bool))
