from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from contrastive_trainer.losses.long_clip import coarse_images

Units = Callable[..., Tensor]


@pytest.mark.parametrize(("count", "width", "kept"), [(12, 5, 2), (4, 9, 3), (20, 6, 6)])
def test_coarse_images_are_those_of_sklearn(count: int, width: int, kept: int, units: Units) -> None:
    image = units(count, width, seed=1)
    model = PCA(min(kept, count))
    expected = model.inverse_transform(model.fit_transform(image.detach().numpy()))
    np.testing.assert_allclose(coarse_images(image, kept).detach().numpy(), expected, atol=1e-10)


def test_all_components_change_nothing_and_one_keeps_the_line() -> None:
    points = torch.tensor([[0.0, 0.0], [4.0, 0.2], [8.0, -0.2]], dtype=torch.float64)
    torch.testing.assert_close(coarse_images(points, 2), points)
    coarse = coarse_images(points, 1) - points.mean(0)
    assert torch.linalg.matrix_rank(coarse, atol=1e-9) == 1
    assert (coarse - (points - points.mean(0))).abs().max() < 0.2
    with pytest.raises(ValueError, match="at least 1"):
        coarse_images(points, 0)


def test_gradient_is_that_of_a_fixed_basis_even_where_singular_values_meet() -> None:
    # The four corners of a square: both singular values are equal, and torch's own SVD gradient is infinite.
    points = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64, requires_grad=True)
    weight = torch.arange(8.0, dtype=torch.float64).view(4, 2)
    (found,) = torch.autograd.grad((coarse_images(points, 1) * weight).sum(), points)
    centred = (points - points.mean(0)).detach()
    basis = torch.linalg.eigh(centred.T @ centred)[1][:, -1:]
    keep = basis @ basis.T
    expected = (weight - weight.mean(0)) @ keep + weight.mean(0)
    torch.testing.assert_close(found, expected)
