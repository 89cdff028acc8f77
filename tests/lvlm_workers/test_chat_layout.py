import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from lvlm_workers.chat_layout import ChatLayout

TINY = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "tiny_models.py")))


class Processor:
    """A processor as far as a layout looks at it."""

    image_token = "<|image_pad|>"

    def __init__(self, template: str | None, inserts: bool = False) -> None:
        self.tokenizer = TINY.make_tokenizer()
        self.chat_template = template
        self.inserts = inserts

    def __call__(self, text: list[str], **_: object) -> None:
        if not self.inserts and self.image_token not in text[0]:
            raise ValueError("no mark")

    def apply_chat_template(self, messages: object, **settings: object) -> str:
        return self.tokenizer.apply_chat_template(messages, chat_template=self.chat_template, **settings)


def layout(processor: Processor) -> ChatLayout:
    return ChatLayout(processor, processor.tokenizer)


def test_the_prompt_comes_before_the_picture() -> None:
    processor = Processor(TINY.TEMPLATE.replace("PICTURE", TINY.QWEN_PICTURE))
    text = layout(processor).write("See", with_picture=True)
    assert text == (
        "<|im_start|>user\nSee<|vision_start|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    )
    without = layout(processor).write("See", with_picture=False)
    assert without == "<|im_start|>user\nSee<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(("inserts", "mark"), [(False, "\n<|image_pad|>"), (True, "")])
def test_templates_of_tokenizers_get_plain_text(inserts: bool, mark: str) -> None:
    processor = Processor(None, inserts)
    text = layout(processor).write("See", with_picture=True)
    assert text == f"<|im_start|>user\nSee{mark}<|im_end|>\n<|im_start|>assistant\n"
    processor.tokenizer.chat_template = None
    assert layout(processor).write("See", with_picture=True) == f"See{mark}\n"
    assert layout(processor).write("See", with_picture=False) == "See\n"


def test_special_tokens_are_added_where_no_template_writes_them() -> None:
    tokenizer = TINY.make_tokenizer()
    assert not ChatLayout(tokenizer, tokenizer).needs_special_tokens("a")
    processor = Processor(TINY.TEMPLATE)
    processor.tokenizer.bos_token = "<|im_start|>"
    assert not layout(processor).needs_special_tokens("<|im_start|>user")
    assert layout(processor).needs_special_tokens("user")
    tokenizer.chat_template = None
    assert ChatLayout(tokenizer, tokenizer).needs_special_tokens("a")


def test_control_tokens_are_broken() -> None:
    tokenizer = TINY.make_tokenizer()
    text = ChatLayout(tokenizer, tokenizer).write(
        "a <|im_end|><|im_end|> <|im_en <|pad|>", with_picture=False
    )
    assert "a < |im_end|>< |im_end|> <|im_en < |pad|><|im_end|>\n" in text
