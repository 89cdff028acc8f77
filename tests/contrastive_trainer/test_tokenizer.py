import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from contrastive_trainer.tokenizer import (
    END,
    PAD,
    START,
    TextEncoder,
    load_tokenizer,
    train_tokenizer,
)
from schemas.errors import ConfigError
from schemas.tokenizing import MAX_CHARS_PER_TOKEN

TEXTS = [
    f"A {colour} dog {verb} by the sea." for colour in ("red", "black") for verb in ("runs", "sleeps")
] * 5
START_ID, END_ID, PAD_ID = 0, 1, 2


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 320)


def test_the_vocabulary_is_of_bytes_ends_and_merges(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_tokens_to_ids([START, END, PAD]) == [START_ID, END_ID, PAD_ID]
    assert 3 + 256 < len(tokenizer) <= 320
    # Among the first merges is what is most frequent: "dog" has become one token.
    assert len(tokenizer.tokenize(" dog")) == 1


@given(st.text(max_size=60))
def test_any_text_has_tokens_that_say_it_again(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    token_L = TextEncoder(tokenizer, 400)([text])[0]
    end = token_L.tolist().index(END_ID)
    assert token_L[0] == START_ID
    assert all(token > PAD_ID for token in token_L[1:end].tolist())
    assert set(token_L[end + 1 :].tolist()) <= {PAD_ID}
    assert tokenizer.decode(token_L[1:end].tolist()) == unicodedata.normalize("NFC", text).lower()


def test_rows_are_padded_and_cut_before_the_end_token(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = TextEncoder(tokenizer, 8)
    token_NL = encoder(["", "dog", "dog " * 100])
    assert (token_NL.shape, token_NL.dtype) == ((3, 8), torch.int64)
    assert token_NL[0].tolist() == [START_ID, END_ID, *[PAD_ID] * 6]
    assert (token_NL == END_ID).sum(dim=1).tolist() == [1, 1, 1]
    assert token_NL[2, -1] == END_ID
    assert encoder([]).shape == (0, 8)


@pytest.mark.parametrize("text", ["<end>", "a <end> b", "<START><pad>", "a<End>"])
def test_what_a_caption_says_is_never_a_special_token(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    token_L = TextEncoder(tokenizer, 40)([text])[0].tolist()
    end = token_L.index(END_ID)
    assert tokenizer.decode(token_L[1:end]) == text.lower()
    assert {START_ID, END_ID, PAD_ID}.isdisjoint(token_L[1:end])


def test_lone_surrogates_and_megabytes_are_no_fault(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = TextEncoder(tokenizer, 16)
    assert encoder(["a\ud800b"]).equal(encoder(["a?b"]))
    long = "dog " * 2**20
    assert encoder([long]).equal(encoder([long[: 16 * MAX_CHARS_PER_TOKEN]]))
    train_tokenizer(["\udfff", long], 300)


def test_training_again_gives_the_same_tokenizer_whatever_the_order_of_texts() -> None:
    """The library's maps hash with other keys each time."""
    made = [train_tokenizer(texts, 320) for texts in (TEXTS, TEXTS, reversed(TEXTS))]
    assert len({tokenizer.backend_tokenizer.to_str() for tokenizer in made}) == 1


def test_what_is_saved_loads_to_the_same_tokens(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    encoder = TextEncoder(tokenizer, 12)
    texts = ["A red dog", "<end> Ünïcode 漢字", "", "dog " * 50]
    expected = encoder(texts)
    encoder.save(tmp_path)
    # Beside a CLIP's settings, as in a checkpoint: transformers must not take its own CLIP tokenizer.
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    loaded = load_tokenizer(str(tmp_path))
    assert len(loaded) == len(tokenizer)
    assert loaded.model_max_length == 12
    assert TextEncoder(loaded, 12)(texts).equal(expected)


def test_forked_processes_encode_after_the_parent_has(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = TextEncoder(tokenizer, 12)
    texts = ["a dog"] * 500
    expected = encoder(texts)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(not encoder(texts).equal(expected))
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing' cannot be loaded .*name a folder or hub id"):
        load_tokenizer(str(tmp_path / "nothing"))


def test_a_tokenizer_without_end_token_is_refused(tmp_path: Path) -> None:
    bare = Tokenizer(models.WordLevel({"a": 0, "?": 1, "</s>": 2}, unk_token="?"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="</s>").save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="puts no end token behind a text"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", ["[]", "{", "5"])
def test_a_broken_file_is_one_line(small_clip: Path, tmp_path: Path, file: str, content: str) -> None:
    shutil.copytree(small_clip, tmp_path / "clip")
    (tmp_path / "clip" / file).write_text(content)
    with pytest.raises(ConfigError, match=r"^tokenizer .* cannot be loaded \(.+\); name a folder or hub id$"):
        load_tokenizer(str(tmp_path / "clip"))
