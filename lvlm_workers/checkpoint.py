"""A model of the transformers library with its processor.

Letters in the names of tensors: B rows of a batch, L tokens of its prompts and replies, T tokens written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from PIL import Image

from lvlm_workers.base import WorkerError
from lvlm_workers.chat_layout import ChatLayout
from lvlm_workers.checkpoint_files import (
    BROKEN,
    find_checkpoint,
    load_model,
    load_processor,
    need_device,
    one_line,
)
from lvlm_workers.row_sampling import RowSampler
from schemas.annotation import Sampling
from schemas.workers import TransformersWorkerConfig

_UNBOUNDED = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a model wrote, and why it ended: `stop` or `length`."""

    text: str
    finish_reason: str
    tokens_out: int


class Checkpoint:
    """A model that answers batches: prompts are read by its processor, replies written by `generate`.

    Raises:
        WorkerError: it cannot be loaded.
    """

    def __init__(self, config: TransformersWorkerConfig) -> None:
        found, self._device = find_checkpoint(config), need_device(config)
        self.reads_pictures = found.reads_pictures
        try:
            self._processor = load_processor(config, found)
            self._tokenizer = self._processor.tokenizer if found.reads_pictures else self._processor
            self._layout = ChatLayout(self._processor, self._tokenizer)
            self._model = load_model(config, found, self._device, self._tokenizer)
            text_config = found.config.get_text_config(decoder=True)
        except BROKEN as error:
            raise WorkerError(f"model {config.model!r} cannot be loaded ({one_line(error)})") from error
        self._positions: int | None = getattr(text_config, "max_position_embeddings", None)

    def room(self, tokens_in: int) -> int:
        """Return how many tokens can follow a prompt; none or fewer where it is too long itself."""
        return (self._positions or _UNBOUNDED) - tokens_in

    def read(self, prompts: Sequence[str], pictures: Sequence[Image.Image]) -> Mapping[str, Any]:
        """Return the tensors of a batch, padded on the left: each prompt with its picture, or no pictures.

        Raises:
            BROKEN: the processor does not take one of them.
        """
        texts = [self._layout.write(prompt, with_picture=bool(pictures)) for prompt in prompts]
        settings: dict[str, Any] = {"return_tensors": "pt", "padding": True}
        if not self._layout.needs_special_tokens(texts[0]):
            settings["add_special_tokens"] = False
        if not self.reads_pictures:
            inputs = self._tokenizer(texts, return_token_type_ids=False, **settings)
            return inputs.to(self._device)  # type: ignore[no-any-return]  # transformers is not followed
        if pictures:
            settings["images"] = [[picture] for picture in pictures]
        inputs = self._processor(text=texts, **settings)
        return inputs.to(self._device, dtype=self._model.dtype)  # type: ignore[no-any-return]  # as above

    def write(
        self, inputs: Mapping[str, Any], sampling: Sampling, seeds: Sequence[int], *, max_tokens: int
    ) -> list[Written]:
        """Return what the model writes for each row.

        Raises:
            torch.OutOfMemoryError: the batch is too large.
            BROKEN: the model does not take it.
        """
        sampler = RowSampler(sampling, seeds, self._device)
        with torch.inference_mode():
            output_BL = self._model.generate(
                **inputs,
                max_new_tokens=max_tokens,
                logits_processor=transformers.LogitsProcessorList([sampler]),
            )
        # Some families give the prompt before the reply, others the reply alone.
        return [self._read_reply(new_T) for new_T in output_BL[:, -sampler.steps :].tolist()]

    def _read_reply(self, new_T: Sequence[int]) -> Written:
        ends = self._model.generation_config.eos_token_id or ()
        length = next((place for place, token in enumerate(new_T, 1) if token in ends), None)
        text = self._tokenizer.decode(
            new_T[:length], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Written(
            text=text,
            finish_reason="length" if length is None else "stop",
            tokens_out=length or len(new_T),
        )


def count_tokens(inputs: Mapping[str, Any]) -> list[int]:
    """Return the tokens of each row of a batch, without padding."""
    return [int(count) for count in inputs["attention_mask"].sum(dim=1)]
