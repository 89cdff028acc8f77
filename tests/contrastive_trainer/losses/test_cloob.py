from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.cloob import cloob, retrieve

Units = Callable[..., Tensor]


def dense(image: Tensor, text: Tensor, scale: Tensor, beta: float) -> Tensor:
    total = torch.zeros((), dtype=image.dtype)
    for anchor, other, memory in ((image, text, image), (text, image, text)):
        a, b = (
            functional.normalize((beta * state @ memory.T).softmax(1) @ memory, dim=1)
            for state in (anchor, other)
        )
        for i in range(len(a)):
            others = torch.stack([scale * a[i] @ b[j] for j in range(len(b)) if j != i])
            total = total + (others.logsumexp(0) - scale * a[i] @ b[i]) / len(a)
    return total / scale


def test_equals_the_dense_form(units: Units) -> None:
    inputs = [units(7, 4, seed=1), units(7, 4, seed=2), torch.tensor(30.0).double().requires_grad_()]
    found, expected = cloob(*inputs, beta=8, tile=3), dense(*inputs, 8)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))
    with pytest.raises(ValueError, match="at least 2"):
        cloob(inputs[0][:1], inputs[1][:1], 30.0, beta=8)


def test_limits_of_retrieval(units: Units) -> None:
    stored = units(5, 4, seed=1)
    torch.testing.assert_close(retrieve(stored, stored, 1e4), stored)
    mean = functional.normalize(stored.mean(0), dim=0)
    torch.testing.assert_close(retrieve(units(3, 4, seed=2), stored, 0.0), mean.expand(3, 4))


def test_retrieval_holds_no_matrix_of_the_batch(units: Units) -> None:
    image = units(2048, 64, seed=1, dtype=torch.float32)
    largest = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        found = retrieve(image, image, 8.0)
    assert found.isfinite().all()
    assert largest <= 2048 * 64 * 4
