"""Checkpoints that are stretched, or do not fit what is asked for."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, CLIPModel

from contrastive_trainer.making import make_model
from contrastive_trainer.model import load_clip
from contrastive_trainer.tokenizer import TextEncoder
from schemas.errors import ConfigError
from schemas.train import ModelConfig


def make(folder: Path, tokenizer: Any = None, **settings: Any) -> Any:
    tokenizer = tokenizer or AutoTokenizer.from_pretrained(folder)
    return make_model(ModelConfig(checkpoint=str(folder), **settings), tokenizer)


@torch.no_grad()
def test_a_stretched_text_tower_says_the_same_of_short_texts(small_clip: Path, tmp_path: Path) -> None:
    short, long = make(small_clip).eval(), make(small_clip, text_length=60).eval()
    assert (short.text_length, long.text_length) == (24, 60)
    tokenizer = AutoTokenizer.from_pretrained(small_clip)
    texts = ["a red circle", "green square on number 1", ""]
    tokens = [TextEncoder(tokenizer, clip.text_length)(texts) for clip in (short, long)]
    end = tokenizer.eos_token_id
    assert all((row == end).nonzero()[0].item() < 20 for row in tokens[0])
    torch.testing.assert_close(long.encode_text(tokens[1]), short.encode_text(tokens[0]))

    long.save(tmp_path)
    TextEncoder(tokenizer, 60).save(tmp_path)
    stock = CLIPModel.from_pretrained(tmp_path).eval()
    text = " ".join(["there is a cup"] * 30)
    row_BL = AutoTokenizer.from_pretrained(tmp_path)([text], truncation=True, return_tensors="pt")[
        "input_ids"
    ]
    assert row_BL.shape == (1, 60)
    stock_BD = torch.nn.functional.normalize(stock.get_text_features(row_BL).pooler_output, dim=1)
    torch.testing.assert_close(stock_BD, long.encode_text(row_BL))


@torch.no_grad()
def test_texts_are_pooled_at_the_end_token(small_clip: Path) -> None:
    """The word after the largest token must count: old configurations pool at the largest."""
    clip = make(small_clip).eval()
    tokenizer = AutoTokenizer.from_pretrained(small_clip)
    start, end, largest = tokenizer.bos_token_id, tokenizer.eos_token_id, len(tokenizer) - 1
    row_BL = torch.tensor([[start, largest, 50, end], [start, largest, 60, end]])
    first_D, second_D = clip.encode_text(row_BL)
    assert not torch.allclose(first_D, second_D, atol=1e-3)
    padded_BL = torch.nn.functional.pad(row_BL, (0, 5), value=tokenizer.pad_token_id)
    torch.testing.assert_close(clip.encode_text(padded_BL)[0], first_D)


def test_an_old_configuration_is_mended(small_clip: Path, tmp_path: Path) -> None:
    clip = load_clip(str(small_clip))
    clip.model.config.text_config.eos_token_id = 2
    clip.save(tmp_path)
    TextEncoder(AutoTokenizer.from_pretrained(small_clip), 24).save(tmp_path)
    made = make(tmp_path)
    assert made.model.text_model.eos_token_id == made.model.config.text_config.eos_token_id == 1


@pytest.mark.parametrize("end", [2, None])
def test_an_end_token_at_which_nothing_is_pooled(small_clip: Path, end: int | None) -> None:
    class Tokenizer(SimpleNamespace):
        def __len__(self) -> int:
            return 10

    with pytest.raises(ConfigError, match=f"tokenizer: its end token has number {end}"):
        make(small_clip, Tokenizer(eos_token_id=end))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image_size": 64}, "model.image_size: the checkpoint has 32 pixels, not 64; leave it out"),
        ({"text_length": 16}, "model.text_length: the checkpoint has 24 tokens, not 16"),
    ],
)
def test_sizes_that_do_not_fit(small_clip: Path, settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(small_clip, **settings)


def test_sizes_that_fit_may_be_named(small_clip: Path) -> None:
    assert make(small_clip, image_size=32, text_length=24).text_length == 24


def test_a_siglip_is_not_stretched(small_siglip: Path) -> None:
    with pytest.raises(ConfigError, match="only a CLIP's can be stretched"):
        make(small_siglip, text_length=60)


def test_a_tokenizer_with_more_tokens_than_the_model(small_clip: Path) -> None:
    class Tokenizer(SimpleNamespace):
        def __len__(self) -> int:
            return 5000

    with pytest.raises(
        ConfigError, match="tokenizer: it has 5000 tokens, the checkpoint's table [0-9]+; leave"
    ):
        make(small_clip, Tokenizer(eos_token_id=1))


def test_a_preset_is_drawn_by_torchs_seed(small_clip: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(small_clip)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(make_model(ModelConfig(preset="tiny"), tokenizer).model.text_projection.weight)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
