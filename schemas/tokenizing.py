"""What a tokenizer is given, and what is none."""

MIN_VOCABULARY = 32
"""Tokens without which no text can be told from another; transformers makes such a tokenizer up where its
files are missing."""

MAX_CHARS_PER_TOKEN = 64
"""A text is cut at so many characters for each token that is left of it: it may have megabytes."""


def cut_text(text: str, chars: int) -> str:
    """Return the beginning of a text, with a question mark for each lone surrogate.

    >>> cut_text("a" + chr(0xD800) + "bc", 3)
    'a?b'
    """
    return text[:chars].encode("utf-8", "replace").decode()
