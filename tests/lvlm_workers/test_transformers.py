"""Replies against `model.generate` called directly on one request at a time."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    Qwen2VLForConditionalGeneration,
)

from lvlm_workers.base import Request
from lvlm_workers.checkpoint import Checkpoint
from schemas.annotation import Sampling
from schemas.workers import TransformersWorkerConfig
from tests.lvlm_workers.asking import ask
from tests.lvlm_workers.checkpoint_asking import PROMPTS, TOKENS, jpeg, make, pictures, png, requests_of, told
from tests.tiny_models import POSITIONS, read_for_qwen2_vl

pytestmark = pytest.mark.usefixtures("one_thread")


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def expected(model: Any, tokenizer: Any, inputs: Any, tokens: int = TOKENS) -> tuple[str, str, int, int]:
    """Return text, finish reason and tokens in and out of one greedy reply."""
    length = inputs["input_ids"].shape[1]
    with torch.inference_mode():
        new = model.generate(**inputs, do_sample=False, max_new_tokens=tokens)[0, length:].tolist()
    finish = "stop" if new[-1] in model.generation_config.eos_token_id else "length"
    return tokenizer.decode(new, skip_special_tokens=True), finish, length, len(new)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_text(folders: Callable[[str], Path], kind: str, batch_size: int) -> None:
    folder = folders(kind)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    right = [
        expected(
            model,
            tokenizer,
            tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt"
            ),
        )
        for prompt in PROMPTS
    ]
    assert {finish for _, finish, _, _ in right} == {"stop", "length"}
    assert len({text for text, _, _, _ in right}) > 5
    replies = ask(make(folder, batch_size=batch_size), requests_of(PROMPTS))
    assert [told(reply) for reply in replies] == right
    assert {reply.model for reply in replies} == {kind}
    assert all(reply.seconds > 0 for reply in replies)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_pictures_of_qwen2_vl(folders: Callable[[str], Path], batch_size: int) -> None:
    folder = folders("qwen2_vl")
    model = Qwen2VLForConditionalGeneration.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    images = [jpeg(image) for image in pictures(7)]
    prompts = PROMPTS[:7]
    right = [
        expected(model, tokenizer, read_for_qwen2_vl(folder, prompt, decoded(image)))
        for prompt, image in zip(prompts, images, strict=True)
    ]
    assert len({tokens_in for _, _, tokens_in, _ in right}) == 7
    requests = [
        Request(tag=number, prompt=prompt, image=image, sampling=Sampling(max_tokens=TOKENS))
        for number, (prompt, image) in enumerate(zip(prompts, images, strict=True))
    ]
    worker = make(folder, batch_size=batch_size)
    assert [told(reply) for reply in ask(worker, requests)] == right
    # The same model without pictures, and both kinds mixed.
    unseen = [expected(model, tokenizer, read_for_qwen2_vl(folder, prompt)) for prompt in prompts]
    assert [text for text, *_ in unseen] != [text for text, *_ in right]
    mixed = [
        Request(
            tag=n, prompt=prompt, image=images[n] if n % 2 else None, sampling=Sampling(max_tokens=TOKENS)
        )
        for n, prompt in enumerate(prompts)
    ]
    assert [told(reply) for reply in ask(worker, mixed)] == [
        (right if n % 2 else unseen)[n] for n in range(len(prompts))
    ]


@pytest.mark.parametrize("kind", ["llava", "llava_plain"])
def test_pictures_of_llava_with_its_template_and_without(folders: Callable[[str], Path], kind: str) -> None:
    folder = folders(kind)
    model = LlavaForConditionalGeneration.from_pretrained(folder)
    processor = LlavaProcessor.from_pretrained(folder)
    images = [jpeg(image) for image in pictures(4)]
    right = []
    for prompt, image in zip(PROMPTS, images, strict=False):
        text = f"<|im_start|>user\n{prompt}<|image_pad|><|im_end|>\n<|im_start|>assistant\n"
        if kind == "llava_plain":
            text = f"{prompt}\n<|image_pad|>\n"
        inputs = processor(text=text, images=decoded(image), return_tensors="pt")
        right.append(expected(model, processor.tokenizer, inputs))
    assert len({text for text, *_ in right}) > 2
    requests = [
        Request(tag=number, prompt=PROMPTS[number], image=image, sampling=Sampling(max_tokens=TOKENS))
        for number, image in enumerate(images)
    ]
    for batch_size in (1, 4):
        assert [told(reply) for reply in ask(make(folder, batch_size=batch_size), requests)] == right


def test_pictures_are_reduced(folders: Callable[[str], Path]) -> None:
    image = pictures(1)[0].resize((400, 300))
    (small,) = ask(
        make(folders("qwen2_vl"), image_pixels=28 * 28 * 4),
        requests_of(["What is it?"], image=png(image)),
    )
    (large,) = ask(make(folders("qwen2_vl")), requests_of(["What is it?"], image=png(image)))
    # 64 x 48 pixels are 2 x 2 tokens of 28 x 28; the processor's own bound of 112 x 112 leaves 4 x 3.
    assert large.tokens_in - small.tokens_in == 4 * 3 - 2 * 2


def test_a_sampled_reply_depends_on_no_other_row(folders: Callable[[str], Path]) -> None:
    folder = folders("llama")
    sampling = Sampling(temperature=0.9, top_p=0.95, max_tokens=TOKENS)
    requests = [
        Request(tag=number, prompt=PROMPTS[number % 5], sampling=sampling, seed=number)
        for number in range(10)
    ]
    alone = ask(make(folder, batch_size=1), requests)
    for order in (requests, requests[::-1], requests[3:] + requests[:3]):
        replies = {reply.text for reply in ask(make(folder, batch_size=4), order)}
        assert replies == {reply.text for reply in alone}
    assert len({reply.text for reply in alone}) == 10
    greedy = ask(make(folder), requests_of(PROMPTS[:5]))
    assert {reply.text for reply in alone}.isdisjoint(reply.text for reply in greedy)


def test_prompts_longer_than_the_model(folders: Callable[[str], Path]) -> None:
    folder = folders("llama")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    apart = tokenizer.apply_chat_template(
        [{"role": "user", "content": ""}], add_generation_prompt=True, return_tensors="pt"
    )["input_ids"].shape[1]
    room = POSITIONS - apart  # "~" is one token, and never merged
    prompts = ["~" * (room - 5), "a dog", "~" * room, "~" * (room + 1), "~" * (room - TOKENS)]
    replies = ask(make(folder, batch_size=8), requests_of(prompts))
    assert [reply.finish_reason == "refused_request" for reply in replies] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert replies[2].text == f"the prompt has {POSITIONS} tokens, more than the model takes"
    for number, tokens in ((0, 5), (1, TOKENS), (4, TOKENS)):
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompts[number]}], add_generation_prompt=True, return_tensors="pt"
        )
        assert told(replies[number]) == expected(model, tokenizer, inputs, tokens)


def test_the_model_is_loaded_on_first_use(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = Checkpoint.__init__

    def noted(self: Checkpoint, config: TransformersWorkerConfig) -> None:
        loads.append(config.model)
        load(self, config)

    monkeypatch.setattr(Checkpoint, "__init__", noted)
    worker = make(folders("llama"))
    worker.check()
    assert ask(worker, []) == []
    assert loads == []
    first = ask(worker, requests_of(["a"]))
    assert ask(worker, requests_of(["a"]))[0].text == first[0].text
    assert len(loads) == 1
    worker.close()
    worker.close()
    assert ask(worker, requests_of(["a"]))[0].text == first[0].text
    assert len(loads) == 2


def test_bfloat16(folders: Callable[[str], Path]) -> None:
    replies = ask(
        make(folders("qwen2_vl"), dtype="bfloat16"), requests_of(PROMPTS[:3], image=jpeg(pictures(1)[0]))
    )
    assert all(1 <= reply.tokens_out <= TOKENS for reply in replies)
