from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.contrastive import contrastive
from contrastive_trainer.losses.multi_text import multi_text

Units = Callable[..., Tensor]


def test_is_the_mean_over_texts_of_symmetric_cross_entropy(units: Units) -> None:
    image, texts = units(5, 4, seed=1), units(3, 5, 4, seed=2)
    own = torch.arange(5)
    expected = torch.zeros((), dtype=torch.float64)
    for text in texts:
        logits = 8 * image @ text.T
        both = functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)
        expected = expected + both / 6
    found = multi_text(image, texts, 8.0, tile=2)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, [image, texts]), torch.autograd.grad(expected, [image, texts])
    )


def test_one_text_and_missing_texts(units: Units) -> None:
    image, texts = units(4, 3, seed=1), units(2, 4, 3, seed=2)
    one = contrastive(image, texts[0], 8.0)
    assert multi_text(image, texts[:1], 8.0).item() == pytest.approx(one.item())
    valid = torch.tensor([[True] * 4, [True, False, True, False]])
    some = contrastive(image[::2], texts[1, ::2], 8.0)
    assert multi_text(image, texts, 8.0, valid_KN=valid).item() == pytest.approx((one + some).item() / 2)
    with pytest.raises(ValueError, match="texts an image"):
        multi_text(image, texts[:0], 8.0)
