"""Replies with one text a field: what they hold, and what is left of a description when it is tidied."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from recipes.languages import is_surely_english
from recipes.reply import read_strings, reject, tidy_texts
from recipes.sentences import sentences

_CLOSING = re.compile(
    r"(?:overall|in summary|in conclusion|to sum up|all in all)\b"
    r"|(?:the|this) (?:overall )?(?:image|picture|photo|photograph|scene|atmosphere|mood|composition|setting)"
    r" (?:also )?(?:conveys?|evokes?|suggests?|exudes?|creates?|gives? (?:off )?an?|is one of)\b",
    re.IGNORECASE,
)
"""What models close a description with: an impression, and nothing that can be seen."""


def text_schema(fields: Sequence[str], max_chars: int) -> Mapping[str, Any]:
    """Return the JSON Schema of an object with one text for each field."""
    text = {"type": "string", "minLength": 1, "maxLength": max_chars}
    return {
        "type": "object",
        "properties": dict.fromkeys(fields, text),
        "required": list(fields),
        "additionalProperties": False,
    }


def read_text(reply: Mapping[str, Any], name: str, max_chars: int) -> str:
    """Return a text of a reply on one line, white space made single.

    Raises:
        BadReply: it is none, or too long.
    """
    return " ".join(read_strings([reply[name]], name, 1, max_chars)[0].split())


def tidy_text(text: str, instruction: str) -> str:
    """Return a model's description without openings such as `The image shows` and closing impressions.

    Raises:
        BadReply: as `recipes.reply.tidy_texts`, for the text and for each of its sentences.
    """
    tidy_texts([text], instruction)
    parts = tidy_texts(sentences(text), instruction)
    return " ".join(part for k, part in enumerate(parts) if k == 0 or not _CLOSING.match(part))


def check_english(text: str) -> None:
    """Refuse a text in another language.

    Raises:
        BadReply: `wrong_language`.
    """
    if not is_surely_english(text):
        reject(text, "wrong_language", "it was not in English.")
