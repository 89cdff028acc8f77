"""One dense caption from the picture alone."""

from collections.abc import Mapping
from typing import Any, ClassVar

from recipes.base import Recipe
from recipes.hygiene import words_of
from recipes.one_text import check_english, read_text, text_schema, tidy_text
from recipes.reply import read_object, reject
from schemas.facts import Facts

MAX_CHARS = 1_200
"""About the 248 tokens of the longest text towers (Long-CLIP, arXiv 2403.15378)."""

MIN_WORDS = 6
"""Less describes nothing: 8 tokens, start and end included."""

_INSTRUCTION = """\
Describe the picture for training an image-text model. Answer with one JSON object with one string:

"recaption": 2 to 4 sentences, 40 to 70 words in all, in English. Begin with what matters most in the \
picture: the first sentence must stand alone. Name objects with their colour, number, size, material and \
action, where they are and how they relate to one another, then the background, the light and the kind of \
picture. Quote writing that can be read. Say only what can be seen: guess no names, places, dates, \
feelings or purposes. Begin with the thing itself, not with "The image shows", and end without a general \
impression."""


class Recaption(Recipe):
    """A description that owes nothing to the alt text, so that it cannot repeat its mistakes.

    Recap-DataComp (arXiv 2406.08478) asks so for a whole web-scale set. The trainer should still see the alt
    text at times: text of models alone costs zero-shot accuracy (VeCLIP, arXiv 2310.07699).
    """

    name: ClassVar[str] = "recaption"
    version: ClassVar[str] = "1"
    source: ClassVar[str] = "CLIP with Quality Captions (arXiv 2405.08911)"
    fields: ClassVar[tuple[str, ...]] = ("recaption",)
    needs_text: ClassVar[bool] = False
    needs_image: ClassVar[bool] = True
    schema: ClassVar[Mapping[str, Any]] = text_schema(fields, MAX_CHARS)

    def prompt(self, facts: Facts) -> str:
        """Return the instruction, the same for every sample."""
        return _INSTRUCTION

    def parse(self, text: str, facts: Facts, *, finish_reason: str = "stop") -> Mapping[str, Any]:
        """Return the caption without opening phrases and closing impressions.

        Raises:
            BadReply: not the JSON asked for, under `MIN_WORDS`, what `recipes.one_text.tidy_text` finds, or
                `wrong_language`.
        """
        reply = read_object(text, self.fields, finish_reason)
        caption = tidy_text(read_text(reply, "recaption", MAX_CHARS), _INSTRUCTION)
        check_english(caption)
        if len(words_of(caption)) < MIN_WORDS:
            reject(f"too short: {caption}", fault="it was too short. Describe all that can be seen.")
        return {"recaption": caption}
