"""Lay a prompt out as a checkpoint was taught to read it."""

import re
from typing import Any

from lvlm_workers.checkpoint_files import find_mark


class ChatLayout:
    """Writes one user message, the prompt before the picture, and what opens the model's reply.

    The checkpoint's own chat template is used; one without gets the prompt, what stands for the picture, and
    a new line. Prompts hold text from the web: what would be read as a control token or as a picture
    (`<|im_end|>`, `<image>`) is broken by a space.

    Raises:
        BROKEN: the template is none.
    """

    def __init__(self, processor: Any, tokenizer: Any) -> None:
        self._is_text_only = processor is tokenizer
        self._in_parts = bool(not self._is_text_only and processor.chat_template)
        self._template = processor if self._in_parts else tokenizer if tokenizer.chat_template else None
        self._mark = "" if self._in_parts or self._is_text_only else find_mark(processor)
        self._bos = tokenizer.bos_token
        self._control = _control_tokens(processor, tokenizer)
        self.write("", with_picture=not self._is_text_only)

    def write(self, prompt: str, *, with_picture: bool) -> str:
        """Return the text for the tokenizer."""
        said = self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", prompt)
        content: Any = f"{said}\n{self._mark}" if with_picture and self._mark else said
        if self._template is None:
            return f"{content}\n"
        if self._in_parts:
            content = [{"type": "text", "text": said}, *([{"type": "image"}] if with_picture else [])]
        messages = [{"role": "user", "content": content}]
        return str(self._template.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))

    def needs_special_tokens(self, text: str) -> bool:
        """Return whether the tokenizer must put a beginning before a text, as the template has not."""
        if self._template is None:
            return True
        return not (self._is_text_only or (self._bos and text.startswith(self._bos)))


def _control_tokens(processor: Any, tokenizer: Any) -> re.Pattern[str]:
    """Return what finds the tokens that only a template may write."""
    templates = f"{getattr(processor, 'chat_template', '')} {tokenizer.chat_template}"
    tokens = set(tokenizer.all_special_tokens)
    tokens |= {
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.special or token.content in templates
    }
    for kind in ("image", "video", "audio"):
        tokens.add(str(getattr(processor, f"{kind}_token", None) or ""))
    longest_first = sorted((token for token in tokens if len(token.strip()) > 1), key=lambda t: (-len(t), t))
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
