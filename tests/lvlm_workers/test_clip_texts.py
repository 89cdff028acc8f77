"""Texts are laid out as each family reads them."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from contrastive_trainer.tokenizer import TextEncoder, train_tokenizer
from lvlm_workers.clip_texts import TextReader

TEXTS = ["a red cat", "the dog", "a" * 400, "cat <end> dog", "\ud800"]
CPU = torch.device("cpu")


def reader(*, is_clip: bool, padding_side: str = "right", length: int = 12) -> TextReader:
    tokenizer: Any = train_tokenizer(["a photo of a red cat", "the blue dog"], 300)
    tokenizer.padding_side = padding_side
    text = SimpleNamespace(max_position_embeddings=length, vocab_size=len(tokenizer), eos_token_id=1)
    return TextReader(tokenizer, text, is_clip=is_clip)


def test_tokens_are_those_of_the_trainer() -> None:
    encoder = TextEncoder(train_tokenizer(["a photo of a red cat", "the blue dog"], 300), 12)
    siglip = reader(is_clip=False)
    assert torch.equal(siglip.lay_out(siglip.read(TEXTS), CPU), encoder(TEXTS))
    clip = reader(is_clip=True)
    for tokens, wanted_L in zip(clip.read(TEXTS), encoder(TEXTS).tolist(), strict=True):
        assert list(tokens.ids) == [token for token in wanted_L if token != 2]  # without padding


def test_clip_is_padded_to_the_longest_and_pooled_at_the_end() -> None:
    clip = reader(is_clip=True, padding_side="left")
    batch = clip.read(TEXTS[:2])
    ids_BL = clip.lay_out(batch, CPU)
    assert ids_BL.shape == (2, max(len(tokens.ids) for tokens in batch))
    for row_L, tokens, pooled in zip(ids_BL.tolist(), batch, clip.pooled_places(batch), strict=True):
        assert row_L[: len(tokens.ids)] == list(tokens.ids)
        assert row_L.index(1) == pooled == len(tokens.ids) - 1
    assert clip.first_places(batch) == [0, 0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_siglip_is_padded_to_its_length_on_the_tokenizers_side(side: str) -> None:
    siglip = reader(is_clip=False, padding_side=side)
    batch = siglip.read(TEXTS)
    ids_BL = siglip.lay_out(batch, CPU)
    assert ids_BL.shape == (5, 12)
    for row_L, tokens, first in zip(ids_BL.tolist(), batch, siglip.first_places(batch), strict=True):
        assert row_L[first : first + len(tokens.ids)] == list(tokens.ids)
        assert set(row_L[:first] + row_L[first + len(tokens.ids) :]) <= {2}
        assert first == (12 - len(tokens.ids) if side == "left" else 0)
    assert siglip.pooled_places(batch) == [11] * 5


def test_spans_are_characters() -> None:
    text = "é 🙂 cat"
    (tokens,) = reader(is_clip=True, length=32).read([text], spans=True)
    assert len(tokens.spans) == len(tokens.ids)
    assert tokens.spans[0] == tokens.spans[-1] == (0, 0)
    assert {place for first, last in tokens.spans for place in range(first, last)} == set(range(len(text)))


def test_a_text_of_megabytes_is_cut_before_it_is_read() -> None:
    clip = reader(is_clip=True)
    assert clip.read(["a " * 5_000_000]) == clip.read(["a " * 5_000])
    assert clip.read([]) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"vocab_size": 100}, "tokens, its model only 100"),
        ({"eos_token_id": 5}, "pools at token 5"),
        ({"eos_token_id": 2}, "pools at token 2"),  # the largest token, as old configurations have it
    ],
)
def test_a_tokenizer_that_is_not_the_models(changed: dict[str, int], says: str) -> None:
    tokenizer = train_tokenizer(["a cat"], 300)
    text = {"max_position_embeddings": 12, "vocab_size": len(tokenizer), "eos_token_id": 1} | changed
    with pytest.raises(ValueError, match=says):
        TextReader(tokenizer, SimpleNamespace(**text), is_clip=True)
