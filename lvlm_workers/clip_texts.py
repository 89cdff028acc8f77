"""Texts as the tokens that a CLIP or SigLIP reads.

Letters in the names of tensors: B texts, L tokens.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from schemas.tokenizing import MAX_CHARS_PER_TOKEN, MIN_VOCABULARY, cut_text

_OLD_END = 2
"""With this end token transformers' CLIP pools at the largest token: a rule for configurations of old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A text's tokens, cut to the model's length; `spans` are their characters, (0, 0) of special tokens."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] = ()


class TextReader:
    """Encodes texts, and lays them out in batches.

    What a text says is never a special token: a caption with "<|endoftext|>" in it is not cut there. CLIP is
    pooled at its end token, before which a text's padding is not seen; SigLIP at the last place, so that its
    texts are padded to the model's length as they were in its training, without a mask (Zhai et al. 2023,
    arXiv 2303.15343; big_vision).

    Raises:
        ValueError: the tokenizer is not the model's.
    """

    def __init__(self, tokenizer: Any, text: Any, *, is_clip: bool) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # forked workers hang on its threads
        self._tokenizer = tokenizer
        self._is_clip = is_clip
        self.length: int = text.max_position_embeddings
        self.has_spans: bool = tokenizer.is_fast
        if is_clip:
            tokenizer.padding_side = "right"
        tokenizer.truncation_side = "right"
        self._check(text)
        pad = tokenizer.eos_token_id if is_clip else tokenizer.pad_token_id
        self._pad: int = pad
        self._pads_left = tokenizer.padding_side == "left"

    def read(self, texts: Sequence[str], *, spans: bool = False) -> list[Tokens]:
        """Return the tokens of each text; lone surrogates are read as question marks."""
        if not texts:
            return []
        found = self._tokenizer(
            [cut_text(text, MAX_CHARS_PER_TOKEN * self.length) for text in texts],
            truncation=True,
            max_length=self.length,
            split_special_tokens=True,
            return_offsets_mapping=spans,
        )
        places = found["offset_mapping"] if spans else [()] * len(texts)
        return [
            Tokens(ids=tuple(ids), spans=tuple(map(tuple, of_ids)))
            for ids, of_ids in zip(found["input_ids"], places, strict=True)
        ]

    def lay_out(self, batch: Sequence[Tokens], device: torch.device) -> Tensor:
        """Return the texts as int64 (B, L), padded to the longest, or to the model's length."""
        length = max(len(tokens.ids) for tokens in batch) if self._is_clip else self.length
        rows = []
        for tokens in batch:
            padding = [self._pad] * (length - len(tokens.ids))
            rows.append(padding + [*tokens.ids] if self._pads_left else [*tokens.ids] + padding)
        return torch.tensor(rows, dtype=torch.int64, device=device)

    def pooled_places(self, batch: Sequence[Tokens]) -> list[int]:
        """Return the place of each row of `lay_out` at which the model pools."""
        return [len(tokens.ids) - 1 if self._is_clip else self.length - 1 for tokens in batch]

    def first_places(self, batch: Sequence[Tokens]) -> list[int]:
        """Return the place of each row of `lay_out` where its tokens begin."""
        return [self.length - len(tokens.ids) if self._pads_left else 0 for tokens in batch]

    def _check(self, text: Any) -> None:
        known = len(self._tokenizer.get_vocab())
        if known < MIN_VOCABULARY:
            raise ValueError("its tokenizer has no vocabulary: the tokenizer's files are missing")
        if known > text.vocab_size:
            raise ValueError(f"its tokenizer has {known} tokens, its model only {text.vocab_size}")
        if not self._is_clip:
            if self._tokenizer.pad_token_id is None:
                raise ValueError("its tokenizer has no token to pad with")
            return
        for tokens in self.read(["a", "a b" * self.length]):
            if _pooled(tokens.ids, text.eos_token_id) != len(tokens.ids) - 1:
                raise ValueError(
                    f"its model pools at token {text.eos_token_id}, with which its tokenizer ends no text"
                )


def _pooled(ids: Sequence[int], end: int) -> int:
    """Return the place at which transformers' CLIP pools."""
    wanted = max(ids) if end == _OLD_END else end
    return ids.index(wanted) if wanted in ids else 0
