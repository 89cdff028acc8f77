import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.stc import TagHead, short_tags

Units = Callable[..., Tensor]
POSITIVE = torch.tensor([[2, 0, -1], [-1, -1, -1], [4, -1, -1], [-1, 1, 3], [-1, -1, -1]])
NEGATIVE = torch.tensor([[1, 4], [3, -1], [-1, -1], [0, -1], [-1, -1]])


def test_by_hand() -> None:
    image = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    tags = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    bias = -math.log(2)
    logits = [math.log(3) + bias, -math.log(3) + bias, bias]  # odds 3/2, 1/6, 1/2
    assert [math.exp(z) for z in logits] == pytest.approx([3 / 2, 1 / 6, 1 / 2])
    fits, not_second, neither = torch.tensor([[0, -1]]), torch.tensor([[2]]), torch.tensor([[2, 1]])
    found = short_tags(image, tags, math.log(3), bias, fits, not_second)
    assert found.item() == pytest.approx(-math.log(3 / 5) - math.log(2 / 3))
    found = short_tags(image, tags, math.log(3), bias, fits, neither)
    assert found.item() == pytest.approx(-math.log(3 / 5) - math.log(6 / 7) - math.log(2 / 3))


def test_equals_binary_cross_entropy_over_the_matrix_of_labels(units: Units) -> None:
    image, tags = units(5, 3, seed=1), units(5, 3, seed=2)
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (6.0, -2.0))
    label = torch.zeros(5, 5, dtype=torch.float64)
    counted = torch.zeros(5, 5, dtype=torch.float64)
    for lists, value in ((POSITIVE, 1), (NEGATIVE, 0)):
        for n, row in enumerate(lists.tolist()):
            named = [tag for tag in row if tag >= 0]
            label[n, named], counted[n, named] = value, 1
    logits = scale * image @ tags.T + bias
    expected = functional.binary_cross_entropy_with_logits(logits, label, counted, reduction="sum") / 4
    found = short_tags(image, tags, scale, bias, POSITIVE, NEGATIVE)
    torch.testing.assert_close(found, expected)
    inputs = [image, tags, scale, bias]
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))


def test_images_without_tags_teach_nothing(units: Units) -> None:
    image, none = units(2, 3, seed=1), torch.full((2, 1), -1)
    loss = short_tags(image, units(4, 3, seed=2), 10.0, -3.0, none, torch.full((2, 0), -1))
    loss.backward()
    assert loss.item() == 0
    assert image.grad is not None
    assert not image.grad.any()
    with pytest.raises(ValueError, match="3 and 2 of 2 images"):
        short_tags(image, image, 1.0, 0.0, torch.zeros(3, 1, dtype=torch.long), none)


def test_the_head_learns_a_planted_rule(units: Units) -> None:
    torch.manual_seed(0)
    head = TagHead(20, 8)
    image = units(200, 8, seed=3, dtype=torch.float32).detach()
    truth = units(20, 8, seed=4, dtype=torch.float32).detach()
    ranked = (image @ truth.T).argsort(1, descending=True)
    positive = ranked[:, :1]
    negative = ranked[:, 1:].gather(1, torch.rand(200, 19).argsort(1)[:, :3])  # three of the others
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    first = head(image, positive, negative).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = head(image, positive, negative)
        loss.backward()
        optimizer.step()
    found = (image @ functional.normalize(head.tag_VD, dim=1).T).argmax(1, keepdim=True)
    assert loss.item() < 0.6 * first
    assert (found == positive).float().mean() > 0.6  # 0.05 by chance
    with pytest.raises(ValueError, match="at least 2"):
        TagHead(1, 8)


def test_true_and_false_tags_pull_alike_from_the_start(units: Units) -> None:
    torch.manual_seed(0)
    head = TagHead(1000, 256)  # as wide as that random cosines are near 0
    image = units(50, 256, seed=1, dtype=torch.float32)
    tags = torch.arange(500).view(50, 10)
    loss = head(image, tags[:, :5], tags[:, 5:])
    assert loss.item() == pytest.approx(10 * math.log(2), rel=0.1)
    loss.backward()
    assert head.bias.grad is not None
    assert abs(head.bias.grad.item()) < 0.2  # 5 true ones pull by -1/2, 5 false ones by 1/2
