"""Tiny models of real classes, with random weights or trained on a few replies, as checkpoints on disk.

Their tokenizers are trained on the spot; every byte is a token, so that any text can be read and written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

POSITIONS = 1024
SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
           "<|video_pad|>")  # fmt: skip
PAD, START, END, VISION_START, VISION_END, IMAGE, VIDEO = range(len(SPECIAL))
TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}\
{% for part in message['content'] %}{% if part['type'] == 'image' %}PICTURE{% else %}{{ part['text'] }}\
{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
KNOWN = 0.05
"""A token of a smaller loss has a chance over 0.95, so that nothing else is drawn at a top-p of 0.95."""
CORPUS = ["a photo of a brown dog on green grass, two red circles and a small blue square"]

_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": POSITIONS,
    "bos_token_id": None,
    "eos_token_id": END,
    "pad_token_id": PAD,
    "tie_word_embeddings": False,
    "initializer_range": 0.4,  # large, or every reply is one token again and again
}


def make_tokenizer(picture: str = "", corpus: Sequence[str] = CORPUS, size: int = 400) -> Any:
    """Return a byte-level BPE tokenizer of at most `size` tokens, whose template writes `picture`."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=SPECIAL[END],
        pad_token=SPECIAL[PAD],
        additional_special_tokens=list(SPECIAL[1:]),
    )
    tokenizer.chat_template = TEMPLATE.replace("PICTURE", picture)
    return tokenizer


def save_text_model(folder: Path, kind: str = "llama", seed: int = 0) -> Path:
    """Save a random `llama` or `qwen2`; 30 of its tokens end a reply, so that some replies end."""
    config_class, model_class = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    }[kind]
    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    model = model_class(config_class(vocab_size=len(tokenizer), **_TEXT))
    return _save(folder, model, tokenizer)


def save_qwen2_vl(folder: Path, seed: int = 0) -> Path:
    """Save a random Qwen2-VL, and what its image processor makes of pictures; nothing for videos."""
    tokenizer = make_tokenizer(QWEN_PICTURE)
    return _save(folder, _make_qwen2_vl(tokenizer, seed, folder), tokenizer)


def teach_qwen2_vl(folder: Path, lessons: Sequence[tuple[str, Any, str]], steps: int = 400) -> Path:
    """Save a Qwen2-VL that has learnt by heart the replies of lessons (prompt, picture or none, reply).

    Raises:
        RuntimeError: it has not within so many steps.
    """
    tokenizer = make_tokenizer(
        QWEN_PICTURE, [f"user assistant {prompt} {reply}" for prompt, _, reply in lessons], 4000
    )
    tokenizer.save_pretrained(folder)
    model = _make_qwen2_vl(tokenizer, 0, folder, initializer_range=0.05)
    inputs, labels_BL = _lay_out(folder, tokenizer, lessons)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    places = labels_BL[:, 1:] != -100
    for _ in range(steps):
        scores_NV = model(**inputs).logits[:, :-1][places]
        losses_N = cross_entropy(scores_NV, labels_BL[:, 1:][places], reduction="none")
        if losses_N.max() < KNOWN:
            return _save(folder, model, tokenizer, ends=[END])
        optimizer.zero_grad()
        losses_N.mean().backward()
        optimizer.step()
    raise RuntimeError(f"a token still has a loss of {losses_N.max():.3f} after {steps} steps")


def _make_qwen2_vl(tokenizer: Any, seed: int, folder: Path, **settings: Any) -> Any:
    rope = {"rope_type": "default", "type": "mrope", "mrope_section": [4, 6, 6], "rope_theta": 10_000.0}
    config = Qwen2VLConfig(
        text_config={
            **_TEXT,
            "vocab_size": len(tokenizer),
            "rope_parameters": rope,
            "max_position_embeddings": 4096,  # a recipe's prompt takes 1,500 tokens of the random models
            **settings,
        },
        vision_config={
            "depth": 2,
            "embed_dim": 64,
            "hidden_size": 64,
            "num_heads": 2,
            "mlp_ratio": 2,
            "initializer_range": 1.0,  # large, or all pictures look alike
        },
        image_token_id=IMAGE,
        video_token_id=VIDEO,
        vision_start_token_id=VISION_START,
        vision_end_token_id=VISION_END,
    )
    Qwen2VLImageProcessorPil(size={"shortest_edge": 56**2, "longest_edge": 112**2}).save_pretrained(folder)
    torch.manual_seed(seed)
    return Qwen2VLForConditionalGeneration(config)


def _lay_out(
    folder: Path, tokenizer: Any, lessons: Sequence[tuple[str, Any, str]]
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the lessons as one batch, padded on the right, and the labels: the replies alone."""
    read = [read_for_qwen2_vl(folder, prompt, picture) for prompt, picture, _ in lessons]
    rows, labels = [], []
    for row, (_, _, reply) in zip(read, lessons, strict=True):
        written = tokenizer(reply + SPECIAL[END], return_tensors="pt")["input_ids"][0]
        asked = row["input_ids"][0]
        rows.append(torch.cat([asked, written]))
        labels.append(torch.cat([torch.full_like(asked, -100), written]))
    ids_BL = pad_sequence(rows, batch_first=True, padding_value=PAD)
    inputs = {
        "input_ids": ids_BL,
        "attention_mask": (ids_BL != PAD).long(),
        "mm_token_type_ids": (ids_BL == IMAGE).long(),
    }
    for name in ("pixel_values", "image_grid_thw"):
        if seen := [row[name] for row in read if name in row]:
            inputs[name] = torch.cat(seen)
    return inputs, pad_sequence(labels, batch_first=True, padding_value=-100)


def save_llava(folder: Path, seed: int = 0, template: bool = True) -> Path:
    """Save a random LLaVA of CLIP and Llama, with a chat template or without."""
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=56,
        patch_size=14, initializer_range=0.4,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision,
        text_config=LlamaConfig(vocab_size=len(tokenizer), **_TEXT),
        image_token_index=IMAGE,
        image_token_id=IMAGE,
        vision_feature_layer=-1,
    )
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}
        ),
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=SPECIAL[IMAGE],
        chat_template=TEMPLATE.replace("PICTURE", SPECIAL[IMAGE]) if template else None,
    )
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(config)
    processor.save_pretrained(folder)
    return _save(folder, model, tokenizer)


def _save(folder: Path, model: Any, tokenizer: Any, ends: Sequence[int] = (END, *range(300, 330))) -> Path:
    model.generation_config.eos_token_id = list(ends)
    model.generation_config.pad_token_id = PAD
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def read_for_qwen2_vl(folder: Path, prompt: str, picture: Any = None) -> dict[str, torch.Tensor]:
    """Return a model's input for one prompt, put together by hand: a token for each 2 x 2 patches."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    text, seen = f"<|im_start|>user\n{prompt}", {}
    if picture is not None:
        seen = dict(Qwen2VLImageProcessorPil.from_pretrained(folder)(picture, return_tensors="pt"))
        pads = SPECIAL[IMAGE] * int(seen["image_grid_thw"].prod() // 4)
        text += f"<|vision_start|>{pads}<|vision_end|>"
    ids = tokenizer(f"{text}<|im_end|>\n<|im_start|>assistant\n", return_tensors="pt")["input_ids"]
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == IMAGE).long(),
        **seen,
    }
