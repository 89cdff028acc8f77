import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from lvlm_workers.row_sampling import RowSampler, nucleus
from schemas.annotation import Sampling

CPU = torch.device("cpu")


@given(st.integers(0, 1000), st.floats(0.05, 3.0), st.floats(0.01, 0.999))
def test_the_nucleus_is_that_of_the_library(seed: int, temperature: float, top_p: float) -> None:
    scores_BV = torch.randn(3, 40, generator=torch.Generator().manual_seed(seed)) * 4
    warm_BV = TemperatureLogitsWarper(temperature)(None, scores_BV.double())
    right_BV = TopPLogitsWarper(top_p)(None, warm_BV).softmax(-1)
    found_BV = nucleus(scores_BV.double(), temperature, top_p)
    torch.testing.assert_close(
        found_BV / found_BV.sum(-1, keepdim=True), right_BV.float(), rtol=1e-4, atol=1e-6
    )


def test_the_nucleus_by_hand() -> None:
    scores_1V = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert (nucleus(scores_1V, 1.0, 0.7) > 0).tolist() == [[True, True, False, False]]
    assert (nucleus(scores_1V, 1.0, 0.85) > 0).tolist() == [[True, True, True, False]]
    assert (nucleus(scores_1V, 1.0, 1.0) > 0).tolist() == [[True] * 4]
    torch.testing.assert_close(nucleus(scores_1V, 1.0, 1.0), scores_1V.exp())
    assert (nucleus(scores_1V, 1.0, 0.0) > 0).tolist() == [[True, False, False, False]]
    # A temperature near 0 takes the likeliest, and does not overflow.
    assert nucleus(scores_1V, 1e-30, 1.0).tolist() == [[1.0, 0.0, 0.0, 0.0]]


def draw(sampler: RowSampler, scores_BV: torch.Tensor) -> list[int]:
    left_BV = sampler(torch.zeros(len(scores_BV), 1, dtype=torch.long), scores_BV)
    assert torch.isfinite(left_BV).sum(-1).tolist() == [1] * len(scores_BV)
    return left_BV.argmax(-1).tolist()


def test_a_row_draws_by_its_own_seed() -> None:
    sampling = Sampling(temperature=1.0, top_p=0.9)
    scores_SBV = torch.randn(20, 3, 50, generator=torch.Generator().manual_seed(0))
    together = RowSampler(sampling, [7, 8, 9], CPU)
    alone = RowSampler(sampling, [8], CPU)
    steps = [(draw(together, scores_BV), draw(alone, scores_BV[1:2])) for scores_BV in scores_SBV]
    assert [three[1] for three, _ in steps] == [one[0] for _, one in steps]
    assert together.steps == alone.steps == 20
    other = RowSampler(sampling, [8, 8], CPU)
    assert all(first == second for first, second in (draw(other, s[:1].expand(2, -1)) for s in scores_SBV))


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    chances_V = torch.tensor([0.5, 0.3, 0.15, 0.05])
    rows = 4000
    sampler = RowSampler(Sampling(temperature=1.0), range(rows), CPU)
    drawn = torch.tensor(draw(sampler, chances_V.log().expand(rows, -1)))
    counts_V = drawn.bincount(minlength=4)
    chi2 = ((counts_V - rows * chances_V) ** 2 / (rows * chances_V)).sum().item()
    assert chi2 < 16.27  # 0.1 % of a chi-square with 3 degrees of freedom


@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_greedy_scores_stay(top_p: float) -> None:
    scores_BV = torch.randn(2, 5)
    sampler = RowSampler(Sampling(temperature=0.0, top_p=top_p), [0, 1], CPU)
    assert sampler(torch.zeros(2, 1, dtype=torch.long), scores_BV) is scores_BV
    assert sampler.steps == 1
