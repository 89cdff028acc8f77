import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from contrastive_trainer.losses.log_sum_exp import log_sum_exp
from contrastive_trainer.losses.softplus_sum import softplus_sum

Units = Callable[..., Tensor]


def with_far_norms(rows: Tensor, columns: Tensor, norm: float) -> tuple[Tensor, Tensor]:
    """Return both with norms that bound nothing, and with the same products."""
    far = torch.full((len(rows), 1), norm).to(rows), torch.full((len(columns), 1), norm).to(columns)
    empty = torch.zeros_like(far[0]), torch.zeros_like(far[1])
    return torch.cat([rows, far[0], empty[0]], 1), torch.cat([columns, empty[1], far[1]], 1)


@pytest.mark.parametrize("norm", [0.0, 1e3])
def test_both_ways_of_summing_equal_torch(norm: float, units: Units) -> None:
    plain = units(7, 3, seed=1), units(5, 3, seed=2)
    rows, columns = (side.detach().requires_grad_() for side in with_far_norms(*plain, norm))
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    inputs = [rows, columns, scale]

    def ours(*arguments: Tensor) -> tuple[Tensor, Tensor]:
        return log_sum_exp(*arguments, tile=2)

    logits = scale * rows @ columns.T
    for way, dense in enumerate((logits.logsumexp(1), logits.logsumexp(0))):
        mine = ours(*inputs)[way]
        torch.testing.assert_close(mine, dense)
        weight = torch.arange(1.0, len(mine) + 1, dtype=torch.float64)
        found = torch.autograd.grad((mine * weight).sum(), inputs)
        expected = torch.autograd.grad((dense * weight).sum(), inputs, retain_graph=True)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("norm", [0.0, 1e3])
def test_an_empty_row_is_minus_infinity_without_gradient(norm: float, units: Units) -> None:
    plain = units(4, 3, seed=1), units(4, 3, seed=2)
    rows, columns = (side.detach().requires_grad_() for side in with_far_norms(*plain, norm))
    left_out = torch.zeros(4, 4, dtype=torch.bool)
    left_out[1], left_out[:, 2] = True, True
    row_lse, column_lse = log_sum_exp(
        rows, columns, torch.tensor(2.0).double(), (lambda r, c: left_out[r, c],), tile=3
    )
    assert torch.equal(row_lse == -math.inf, left_out.all(1))
    assert torch.equal(column_lse == -math.inf, left_out.all(0))
    (row_lse[[0, 2, 3]].sum() + column_lse[[0, 1, 3]].sum()).backward()
    assert rows.grad is not None
    assert columns.grad is not None
    assert not rows.grad[1].any()
    assert not columns.grad[2].any()
    assert rows.grad[0].any()


def test_no_row_or_no_column() -> None:
    none, some, one = torch.zeros(0, 2), torch.ones(3, 2), torch.tensor(1.0)
    row_lse, column_lse = log_sum_exp(none, some, one)
    assert row_lse.shape == (0,)
    assert torch.equal(column_lse, torch.full((3,), -math.inf))
    assert softplus_sum(some, none, one, one).tolist() == [0, 0, 0]


def test_softplus_is_exact_far_out() -> None:
    columns = torch.tensor([[1000.0], [-1000.0], [30.0], [-30.0]], dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    total = softplus_sum(one, columns, one[0, 0], 0 * one[0, 0], tile=3)
    assert total.item() == pytest.approx(1030 + 2 * math.log1p(math.exp(-30)), rel=1e-15)
