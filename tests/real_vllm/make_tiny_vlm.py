"""Make a tiny Qwen2-VL that knows one reply a recipe by heart: `python make_tiny_vlm.py OUT_DIR`.

It is of a real class: servers load it, it reads pictures, counts tokens as the large ones do, and follows a
JSON schema. What it says is nonsense or one of two replies learnt from random weights in a minute, so that
some samples are published and others rejected. The tokeniser is trained on what it will be asked.
"""

import json
import random
import sys
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

from demo_data.scenes import render_scene
from recipes.registry import get_recipe
from schemas.facts import Facts

STEPS = 240
CONTEXT_TOKENS = 4096
PATCH_PX = 28  # a token is a square of so many pixels
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
CHAT = """\
{%- for message in messages %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] -%}
{% if part['type'] == 'text' %}{{ part['text'] }}
{%- else %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}
{%- endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

REPLIES = {
    "hqclip": {
        "long_positive": [
            "A brown dog runs on the green grass.",
            "A small child in a red shirt sits near a bench.",
        ],
        "long_negative": [
            "A brown cat runs on the green grass.",
            "A small child in a blue shirt sits near a bench.",
        ],
        "short_positive": ["brown dog", "green grass", "red shirt", "small child"],
        "short_negative": ["fire truck", "snowy mountain", "yellow taxi"],
    },
    "laclip": {"rewrites": ["A picture of the same scene.", "The same things, said in other words."]},
}


def texts() -> Iterator[str]:
    """Yield what recipes ask, and captions."""
    for seed in range(200):
        scene = render_scene(seed, 32)
        for name in ("hqclip", "laclip"):
            yield get_recipe(name).prompt(Facts(index=0, uid=str(seed), key="", alt_text=scene.captions[0]))
        yield from scene.captions


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a byte-level BPE of 2,048 tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL[1:]),
        model_max_length=CONTEXT_TOKENS,
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2VLForConditionalGeneration:
    """Return a model of two layers and 64 dimensions, its weights drawn by a seed."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [4, 6, 6], "rope_theta": 10000.0}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT_TOKENS,
        "bos_token_id": ids["<|im_start|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": rope,
        "rope_scaling": rope,
    }
    vision = {
        "depth": 2,
        "embed_dim": 64,
        "hidden_size": 64,
        "num_heads": 2,
        "mlp_ratio": 2,
        "patch_size": PATCH_PX // 2,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "in_channels": 3,
    }
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(
            text_config=text,
            vision_config=vision,
            image_token_id=ids["<|image_pad|>"],
            video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"],
            vision_end_token_id=ids["<|vision_end|>"],
            tie_word_embeddings=True,
        )
    )
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    model.generation_config.bos_token_id = None
    return model


def lesson(tokenizer: PreTrainedTokenizerFast, recipe: str, rng: random.Random) -> tuple[list[int], int]:
    """Return the tokens of a question and its reply, and where the reply begins."""
    alt_text = " ".join(
        rng.choices(render_scene(rng.randrange(200), 32).captions[0].split(), k=rng.randint(2, 15))
    )
    facts = Facts(index=0, uid=str(rng.random()), key="", alt_text=alt_text)
    parts = [{"type": "text", "text": get_recipe(recipe).prompt(facts)}]
    if get_recipe(recipe).needs_image:
        parts.append({"type": "image"})
    message = {"role": "user", "content": parts}
    chat = tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    pad = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    asked = [
        token
        for one in tokenizer(chat)["input_ids"]
        for token in [one] * (rng.choice((4, 20, 60, 300)) if one == pad else 1)
    ]
    reply = json.dumps(REPLIES[recipe], separators=(",", ":")) + "<|im_end|>"
    return asked + tokenizer(reply)["input_ids"], len(asked)


def teach(model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Train the language model until it says its replies, whatever picture (here: noise) it is shown."""
    rng = random.Random(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(STEPS):
        tokens, begins = lesson(tokenizer, sorted(REPLIES)[step % len(REPLIES)], rng)
        token_BT = torch.tensor([tokens])
        embedded_BTD = model.get_input_embeddings()(token_BT)
        picture_BT1 = (token_BT == model.config.image_token_id).unsqueeze(-1)
        embedded_BTD = torch.where(picture_BT1, torch.randn_like(embedded_BTD) / 2, embedded_BTD)
        position_3BT = torch.arange(len(tokens)).expand(3, 1, -1)
        hidden_BTD = model.model.language_model(
            inputs_embeds=embedded_BTD, position_ids=position_3BT
        ).last_hidden_state
        logits_TV = model.lm_head(hidden_BTD)[0]
        loss = torch.nn.functional.cross_entropy(logits_TV[begins - 1 : -1], token_BT[0, begins:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main(folder: str) -> None:
    """Write model, tokeniser and processor."""
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    teach(model, tokenizer)
    model.save_pretrained(folder)
    pictures = Qwen2VLImageProcessor(min_pixels=4 * PATCH_PX**2, max_pixels=324 * PATCH_PX**2)
    Qwen2VLProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT,
    ).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
