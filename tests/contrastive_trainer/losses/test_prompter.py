import math

import pytest
import torch
from torch.nn import functional

from contrastive_trainer.losses.prompter import Prompter
from contrastive_trainer.losses.regions import grounding


def make_prompter() -> Prompter:
    torch.manual_seed(0)
    return Prompter(width=32, embedding=16)


def test_prompts_do_not_see_each_other_nor_other_images() -> None:
    prompter = make_prompter()
    tokens, boxes = torch.randn(2, 9, 32), torch.rand(2, 3, 4)
    whole = prompter.regions(tokens, boxes)
    assert whole.shape == (2, 3, 16)
    torch.testing.assert_close(whole.norm(dim=2), torch.ones(2, 3))
    torch.testing.assert_close(prompter.regions(tokens[1:], boxes[1:, 2:]), whole[1:, 2:])
    shuffled = prompter.regions(tokens[:, torch.randperm(9)], boxes)
    torch.testing.assert_close(shuffled, whole)  # places come from the tower's own position embeddings
    assert prompter.boxes(tokens, torch.randn(2, 5, 16)).shape == (2, 5, 4)


def test_encoding_by_hand() -> None:
    encoded_4F = make_prompter().encode(torch.tensor([[[0.5, 0.0, 1.0, 0.25]]]))[0, 0].view(4, 32)
    for coordinate, found_F in zip((0.5, 0.0, 1.0, 0.25), encoded_4F, strict=True):
        angles = [math.pi * 2 ** (7 * k / 15) * coordinate for k in range(16)]  # pi to 128 pi
        expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
        assert found_F.tolist() == pytest.approx(expected, abs=2e-4)


def test_learns_where_a_marked_patch_lies() -> None:
    """One of 16 patches carries the content that the text names; the box to find is that patch's."""
    prompter = make_prompter()
    torch.manual_seed(1)
    places, texts = torch.randn(16, 32), torch.randn(4, 16)
    contents = torch.randn(4, 32)
    spot = torch.arange(16)
    corner = torch.stack([spot % 4, spot // 4], 1) / 4
    boxes = torch.cat([corner, corner + 0.25], 1)
    optimizer = torch.optim.Adam(prompter.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(2)
    losses = []
    for _ in range(300):
        where = torch.randint(16, (64,), generator=generator)
        what = torch.randint(4, (64,), generator=generator)
        tokens = places.repeat(64, 1, 1)
        tokens[torch.arange(64), where] += 2 * contents[what]
        found = prompter.boxes(tokens, texts[what][:, None])
        loss = grounding(found, boxes[where][:, None], torch.ones(64, 1, dtype=torch.bool))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    chance = boxes.var(0, unbiased=False).mean().item()
    assert sum(losses[-5:]) / 5 < 0.25 * chance


def test_gradients_reach_the_tokens_and_every_part() -> None:
    prompter = make_prompter()
    tokens = torch.randn(2, 4, 32, requires_grad=True)
    regions = prompter.regions(tokens, torch.rand(2, 2, 4))
    boxes = prompter.boxes(tokens, functional.normalize(torch.randn(2, 2, 16), dim=2))
    (regions[..., 0].sum() + boxes.sum()).backward()
    assert tokens.grad is not None
    assert tokens.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in prompter.parameters())
