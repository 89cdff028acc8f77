"""Seeded unit embeddings."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional


def make_units(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return unit rows that depend on the seed alone and take gradients."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return functional.normalize(rows, dim=-1).to(dtype).requires_grad_()


@pytest.fixture(scope="session")
def units() -> Callable[..., torch.Tensor]:
    """Give the maker of embeddings."""
    return make_units
