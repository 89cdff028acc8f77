from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.regions import grounding, region_text, region_weight

Units = Callable[..., Tensor]
VALID = torch.tensor([[True, True, False], [True, False, False], [False, False, False], [True, True, True]])


def test_equals_the_dense_form_with_alike_phrases_ignored(units: Units) -> None:
    region, phrase = units(4, 3, 5, seed=1), units(4, 3, 5, seed=2).detach()
    phrase[1, 0] = functional.normalize(phrase[0, 1] + 0.01, dim=0)  # nearly the same phrase in two images
    phrase[3, 2] = phrase[0, 1]
    phrase.requires_grad_()
    rows, columns = region[VALID], phrase[VALID]
    alike = (columns @ columns.T > 0.9) & ~torch.eye(6, dtype=torch.bool)
    assert alike.sum() == 6
    logits = (12 * rows @ columns.T).masked_fill(alike, -1e9)
    own = torch.arange(6)
    expected = (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
    found = region_text(region, phrase, 12.0, VALID, alike_above=0.9, tile=4)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, [region, phrase]), torch.autograd.grad(expected, [region, phrase])
    )
    unmasked = region_text(region, phrase, 12.0, VALID, alike_above=1.0)
    assert unmasked.item() > found.item()


def test_grounding_and_weight_by_hand() -> None:
    box = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0]], [[0.0, 0.0, 0.0, 0.0]] * 2])
    found = box.clone().requires_grad_()
    with torch.no_grad():
        found[0, 0, 0] += 0.4
        found[0, 1] += 0.1
        found[1] += 7
    valid = torch.tensor([[True, True], [False, False]])
    loss = grounding(found, box, valid)
    assert loss.item() == pytest.approx((0.16 + 4 * 0.01) / 8)
    loss.backward()
    assert found.grad is not None
    assert not found.grad[1].any()
    assert region_weight(valid).item() == pytest.approx(1 / 2)
    assert grounding(found, box, valid & False).item() == 0
    assert region_weight(VALID).item() == pytest.approx(3 / 6)
