import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.stc import TagHead, short_tags

Units = Callable[..., Tensor]
POSITIVE = torch.tensor([[2, 0, 2], [-1, -1, -1], [4, -1, -1], [-1, 1, 3]])
NEGATIVE = torch.tensor([[1, 2], [3, -1], [-1, -1], [0, 0]])


def test_by_hand() -> None:
    image = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    tags = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    bias = -math.log(2)
    logits = [math.log(3) + bias, -math.log(3) + bias, bias]  # odds 3/2, 1/6, 1/2
    assert [math.exp(z) for z in logits] == pytest.approx([3 / 2, 1 / 6, 1 / 2])
    expected = -math.log(3 / 5) - math.log(6 / 7) - math.log(2 / 3)
    fits = torch.tensor([[0, -1]])
    assert short_tags(image, tags, math.log(3), bias, fits).item() == pytest.approx(expected)
    listed = short_tags(image, tags, math.log(3), bias, fits, torch.tensor([[2]]))
    assert listed.item() == pytest.approx(-math.log(3 / 5) - math.log(2 / 3))


@pytest.mark.parametrize("with_negatives", [False, True])
def test_equals_binary_cross_entropy_over_the_whole_matrix(with_negatives: bool, units: Units) -> None:
    image, tags = units(4, 3, seed=1), units(5, 3, seed=2)
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (6.0, -2.0))
    label = torch.zeros(4, 5, dtype=torch.float64)
    for n, row in enumerate(POSITIVE.tolist()):
        label[n, [tag for tag in row if tag >= 0]] = 1
    counted = torch.ones(4, 5, dtype=torch.float64)
    if with_negatives:
        counted = label.clone()
        for n, row in enumerate(NEGATIVE.tolist()):
            counted[n, [tag for tag in row if tag >= 0]] = 1
        images = 4
    else:
        counted[1] = 0  # without any tag
        images = 3
    logits = scale * image @ tags.T + bias
    expected = functional.binary_cross_entropy_with_logits(logits, label, counted, reduction="sum") / images
    negative = NEGATIVE if with_negatives else None
    found = short_tags(image, tags, scale, bias, POSITIVE, negative, tile=2)
    torch.testing.assert_close(found, expected)
    inputs = [image, tags, scale, bias]
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))


def test_images_without_tags_teach_nothing(units: Units) -> None:
    image = units(2, 3, seed=1)
    loss = short_tags(image, units(4, 3, seed=2), 10.0, -3.0, torch.full((2, 0), -1))
    loss.backward()
    assert loss.item() == 0
    assert image.grad is not None
    assert not image.grad.any()
    with pytest.raises(ValueError, match="3 of 2 images"):
        short_tags(image, image, 1.0, 0.0, torch.zeros(3, 1, dtype=torch.long))


def test_the_head_starts_at_the_tags_rate_and_learns_a_planted_rule(units: Units) -> None:
    torch.manual_seed(0)
    head = TagHead(20, 8, tags_an_image=1.0)
    assert head.bias.sigmoid().item() == pytest.approx(1 / 20)
    image = units(200, 8, seed=3, dtype=torch.float32).detach()
    truth = units(20, 8, seed=4, dtype=torch.float32).detach()
    positive = (image @ truth.T).argmax(1, keepdim=True)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    first = head(image, positive).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = head(image, positive)
        loss.backward()
        optimizer.step()
    found = (image @ functional.normalize(head.tag_VD, dim=1).T).argmax(1, keepdim=True)
    assert loss.item() < 0.6 * first
    assert (found == positive).float().mean() > 0.8  # 0.05 by chance
    with pytest.raises(ValueError, match="at least 2"):
        TagHead(1, 8)


def test_true_and_false_tags_that_are_listed_pull_alike_from_the_start(units: Units) -> None:
    torch.manual_seed(0)
    head = TagHead(1000, 256)  # as wide as that random cosines are near 0
    image = units(50, 256, seed=1, dtype=torch.float32)
    tags = torch.arange(500).view(50, 10)
    loss = head(image, tags[:, :5], tags[:, 5:])
    assert loss.item() == pytest.approx(10 * math.log(2), rel=0.1)
    loss.backward()
    assert head.bias.grad is not None
    assert abs(head.bias.grad.item()) < 0.2  # 5 true ones pull by -1/2, 5 false ones by 1/2
