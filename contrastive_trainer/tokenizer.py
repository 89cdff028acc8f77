"""Texts to tokens: a byte-pair tokenizer trained on the shards, or one that is there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from contrastive_trainer.hub import loadable
from schemas.errors import ConfigError
from schemas.tokenizing import MAX_CHARS_PER_TOKEN, MIN_VOCABULARY, cut_text

PAD, START, END = "<pad>", "<start>", "<end>"

MAX_TRAINED_CHARS = 10_000
"""Characters of a text that a tokenizer is trained on."""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Return a lower-casing byte-level BPE tokenizer of at most `vocabulary` tokens, trained on the texts.

    As CLIP's (Radford et al. 2021, arXiv 2103.00020, section 2.4): lower case, byte-level BPE, a start and an
    end token. No text is without tokens: all bytes are in the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[START, END, PAD],  # END is not number 2, at which transformers' CLIP does not pool
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((cut_text(text, MAX_TRAINED_CHARS) for text in texts), trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=START, eos_token=END, padding_side="right"
    )


def load_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a folder or hub id.

    Raises:
        ConfigError: there is none, or it puts no end token behind a text, or has nothing to pad with.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(loadable(path), trust_remote_code=False)
    except ConfigError:
        raise
    except Exception as error:  # transformers raises nearly anything of files that are not as it expects
        line = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        raise ConfigError(f"tokenizer {path!r} cannot be loaded ({line}); name a folder or hub id") from error
    if tokenizer.eos_token_id is None or tokenizer("a")["input_ids"][-1] != tokenizer.eos_token_id:
        raise ConfigError(f"tokenizer {path!r} puts no end token behind a text; use another")
    if len(tokenizer.get_vocab()) < MIN_VOCABULARY:
        raise ConfigError(
            f"tokenizer {path!r} has no vocabulary; put its tokenizer files there, or use another"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    return tokenizer


class TextEncoder:
    """Encodes texts as rows of `length` tokens, cut so that the end token is always there.

    What a text says is never a special token: a caption that contains "<end>" is not cut there.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, length: int) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # forked workers hang on its threads
        self.tokenizer = tokenizer
        self.length = length

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return the tokens of N texts as int64 of shape (N, L), padded on the right."""
        if not texts:
            return torch.zeros(0, self.length, dtype=torch.int64)
        found = self.tokenizer(
            [cut_text(text, MAX_CHARS_PER_TOKEN * self.length) for text in texts],
            padding="max_length",
            truncation=True,
            max_length=self.length,
            split_special_tokens=True,
            return_attention_mask=False,
            return_tensors="pt",
        )
        token_NL: Tensor = found["input_ids"]
        return token_NL

    def save(self, folder: Path, *, mask: bool = True) -> None:
        """Write the tokenizer as transformers reads it.

        Args:
            mask: whether that library's processors are to hide padding from the model. They must not from a
                SigLIP, which learns from padded texts without a mask (Zhai et al. 2023, arXiv 2303.15343).
        """
        if not mask:
            self.tokenizer.model_input_names = ["input_ids"]
            self.tokenizer.init_kwargs["model_input_names"] = ["input_ids"]  # of these it saves
        self.tokenizer.model_max_length = self.length
        self.tokenizer.backend_tokenizer.no_padding()  # or the file would say what was encoded last
        self.tokenizer.backend_tokenizer.no_truncation()
        self.tokenizer.save_pretrained(folder)
