import math

import pytest
import torch
from torch import Tensor, nn

from contrastive_trainer.losses.contrastive import Negatives, contrastive
from contrastive_trainer.losses.grad_cache import RandomState, grad_cache


class Towers(nn.Module):
    """Two small towers with dropout, and the scale."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image = nn.Sequential(
            nn.Linear(5, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 4)
        ).double()
        self.text = nn.Sequential(nn.Linear(3, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 4)).double()
        self.log_scale = nn.Parameter(torch.tensor(math.log(5.0), dtype=torch.float64))
        self.unused = nn.Parameter(torch.ones(()))
        self.calls = 0

    def encode(self, chunk: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        unit = nn.functional.normalize
        return {
            "image": unit(self.image(chunk[0]), dim=1),
            "text": unit(self.text(chunk[1]), dim=1),
            "raw": chunk[1],
        }

    def loss(self, embeddings: dict[str, Tensor]) -> Tensor:
        false, valid = embeddings["text"].flip(1)[:, None], embeddings["raw"][:, :1] > 0
        negatives = Negatives(text_NKD=false, valid_NK=valid, shared=True)
        return contrastive(
            embeddings["image"], embeddings["text"], self.log_scale.exp(), negatives=negatives, tile=4
        )


def data() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    images, texts = (torch.randn(10, width, generator=generator).double() for width in (5, 3))
    return list(zip(images.split([4, 1, 5]), texts.split([4, 1, 5]), strict=True))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_equals_the_whole_batch_with_dropout_and_scale(dropout: float) -> None:
    model, chunks = Towers(dropout), data()
    torch.manual_seed(3)
    parts = [model.encode(chunk) for chunk in chunks]  # every activation held
    expected = model.loss({name: torch.cat([p[name] for p in parts]) for name in parts[0]})
    expected.backward()
    reference = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    after = torch.rand(1)
    model.zero_grad()
    torch.manual_seed(3)
    found = grad_cache(model.encode, chunks, model.loss)  # type: ignore[arg-type]
    assert not found.requires_grad
    assert torch.equal(torch.rand(1), after)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-14, atol=1e-14)
    assert model.unused.grad is None
    for p, gradient in zip(model.parameters(), reference, strict=True):
        if gradient is not None:
            torch.testing.assert_close(p.grad, gradient, rtol=1e-12, atol=1e-14)
    assert model.log_scale.grad is not None
    assert model.log_scale.grad != 0


def test_chunks_do_not_matter_without_dropout() -> None:
    gradients = []
    for sizes in ([10], [4, 1, 5], [1] * 10):
        model = Towers(0.0)
        images, texts = (torch.cat(side).split(sizes) for side in zip(*data(), strict=True))
        grad_cache(model.encode, list(zip(images, texts, strict=True)), model.loss)  # type: ignore[arg-type]
        assert model.calls == 2 * len(sizes)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(gradients[2], gradients[0], rtol=1e-11, atol=1e-13)


def test_gradients_add_to_what_is_there() -> None:
    model = Towers(0.0)
    grad_cache(model.encode, data(), model.loss)  # type: ignore[arg-type]
    once = model.log_scale.grad
    assert once is not None
    once = once.clone()
    grad_cache(model.encode, data(), model.loss)  # type: ignore[arg-type]
    torch.testing.assert_close(model.log_scale.grad, 2 * once)


def test_weights_lowered_in_the_first_pass_still_learn_in_the_second() -> None:
    torch.manual_seed(0)
    layer, x, y = nn.Linear(4, 4), torch.randn(8, 4), torch.randn(8, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        chunks = list(zip(x.split(3), y.split(3), strict=True))
        grad_cache(
            lambda c: {"x": layer(c[0]), "y": c[1]}, chunks, lambda e: contrastive(e["x"], e["y"], 1.0)
        )
    found, layer.weight.grad = layer.weight.grad, None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = contrastive(layer(x), y, 1.0)
    loss.backward()
    assert found is not None
    torch.testing.assert_close(found, layer.weight.grad, rtol=0.02, atol=0.01)


def test_no_chunk_is_an_error() -> None:
    with pytest.raises(ValueError, match="no chunk"):
        grad_cache(lambda chunk: chunk, [], lambda embeddings: torch.ones(()))


def test_random_state_returns() -> None:
    state = RandomState.now()
    drawn = torch.rand(3)
    state.restore()
    assert torch.equal(torch.rand(3), drawn)
