"""What goes wrong in texts that a model wrote, recognised by their words alone."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

MAX_REPETITION = 0.3
"""Share of 4-grams of words that repeat an earlier one; usual filters of model-written captions cut here."""

LEAKED_WORDS = 8
"""So many words in a row of the instruction are no accident."""

MAX_SAME_TEXTS = 2
_NGRAM = 4
_MIN_LEFT_WORDS = 3  # of a sentence whose opening is taken off
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_PERIOD = re.compile(r"(.{1,16}?)\1{11,}", re.DOTALL)
"""Up to 16 characters a dozen times on end: what an engine gives whose numbers overflowed."""

_CAN_NOT = (
    r"(?:(?:can\s?not|can['\u2019]?t|could\s?n[o'\u2019]t|won['\u2019]?t|will not|do\s?n[o'\u2019]t|do not)"
    r"|(?:am|['\u2019]m) (?:not able to|unable to|not allowed to)|am unable to|must decline to)"
)
_SERVE = (
    r"(?:help|assist|describe|see|view|provide|generate|create|identify|answer|comply|fulfil+|rewrite|do that"
    r"|process|access|determine|recogni[sz]e|analy[sz]e|complete|write|give|say|continue|engage|support"
    r"|discuss|share|interpret|offer|fully|directly|actually|have (?:access|the ability|enough)"
    r"|feel comfortable)"
)
_QUOTES = " \"'*\u201c"
_REFUSAL_CHARS = 200  # the opening is long decided by then; bounds the time on hostile text
_REFUSAL = re.compile(
    r"(?:"
    r"(?:i['\u2019]?m|i am|we are|we['\u2019]re)?\s*(?:so |very |really |truly )?sorry\b"
    r"(?:[.!]?\s*$|[,.!;]?\s+(?:but\b|i\b|as an\b|that i\b|for (?:the|any) (?:confusion|inconvenience)))"
    r"|i apologi[sz]e\b|my apologies\b"
    r"|(?:unfortunately,? )?(?:i|we)\s?" + _CAN_NOT + r"\s+" + _SERVE + r"\b"
    r"|as an? (?:ai\b|artificial intelligence|(?:large )?language model|text-based|visual assistant)"
    r"|(?:there is )?no image (?:was|is|has been)? ?(?:provided|attached|given|uploaded|available)"
    r"|it (?:seems|appears|looks)(?: like)?(?: that)? (?:you have|you did|you|there is|there was)"
    r"(?: not|n['\u2019]t| no) (?:[a-z]+ ){0,3}(?:image|picture|photo)"
    r"|please (?:provide|upload|attach|share) (?:the|an|a) (?:image|picture|photo)"
    r"|(?:\u5f88|\u975e\u5e38)?\u62b1\u6b49"
    r")",
    re.IGNORECASE,
)

_PICTURE = r"(?:image|picture|photo|photograph|snapshot|scene)"
_SHOWS = (
    r"(?:(?:clearly |prominently |vividly )?"
    r"(?:shows?|depicts?|features?|displays?|captures?|presents?|portrays?|illustrates?|showcases?)"
    r"|is (?:showing|depicting|a (?:picture|photo|photograph) of))"
)
_LABEL = (
    r"\W{0,2}(?:here(?:['\u2019]s| is) )?(?:(?:an?|the|one|your) )?"
    r"(?:(?:short|long|brief|concise|detailed|descriptive|image|new|possible|rewritten) ){0,2}"
    r"(?:caption|description|rewrite)(?: \d)?\W{0,2}:\W{0,3}"
)
_OPENING = re.compile(
    rf"(?:{_LABEL}|(?:the|this|that) (?:(?:given|provided|attached) )?{_PICTURE} {_SHOWS} "
    rf"|this is (?:an?|the) {_PICTURE} (?:of|showing|depicting|that shows) "
    rf"|(?:here )?in (?:the|this) (?:(?:given|provided|attached) )?{_PICTURE}"
    rf"(?:[,:] ?|,? (?=there (?:is|are) |(?:we|you|i|one) (?:can )?see ))"
    rf"(?:(?:we|you|i|one) (?:can )?see )?"
    rf"|(?:we|you|i|one) can see )",
    re.IGNORECASE,
)
_NO_BEGINNING = frozenset(
    [
        "that",
        "how",
        "what",
        "why",
        "which",
        "when",
        "whether",
        "if",
        "is",
        "are",
        "was",
        "were",
        "and",
        "or",
        "but",
        "of",
        "to",
        "up",
        "off",
        "through",
        "us",
        "out",
    ]
)


def clean_text(text: str) -> str:
    """Return a text on one line without what is not printed; servers let raw control characters pass.

    >>> clean_text("A red\\x08 car\\n on a road")
    'A red car  on a road'
    """
    return text if text.isprintable() else _CONTROL.sub("", _BREAKS.sub(" ", text))


def words_of(text: str) -> list[str]:
    """Return the words of a text, case folded."""
    return _WORD.findall(text.casefold())


def is_refusal(text: str) -> bool:
    """Return whether a text opens by declining to answer. `A sign says sorry` does not.

    >>> is_refusal("I'm sorry, but I can't help with that."), is_refusal("Sorry, we're closed, says a sign.")
    (True, False)
    """
    return _REFUSAL.match(text.strip().lstrip(_QUOTES)[:_REFUSAL_CHARS]) is not None


def strip_opening(text: str) -> str:
    """Return a sentence without a `The image shows` before it, where three words are left to stand alone.

    >>> strip_opening("The image shows a red car on a road.")
    'A red car on a road.'
    """
    match = _OPENING.match(text)
    rest = text[match.end() :].lstrip() if match else ""
    words = rest.split()
    if len(words) < _MIN_LEFT_WORDS or words[0].casefold().strip(",.") in _NO_BEGINNING:
        return text
    return rest[0].upper() + rest[1:]


def repetition(words: Sequence[str]) -> float:
    """Return the share of 4-grams of words that repeat an earlier one, 0..1."""
    total = len(words) - _NGRAM + 1
    return 1 - len(_ngrams(words, _NGRAM)) / total if total > 0 else 0.0


def is_loop(text: str) -> bool:
    """Return whether a text goes round in circles: its 4-grams repeat, or a few characters do, on end."""
    return repetition(words_of(text)) > MAX_REPETITION or _PERIOD.search(text) is not None


def repeats_itself(texts: Iterable[str]) -> bool:
    """Return whether the same text is among these more than twice."""
    counts = Counter(" ".join(words_of(text)) for text in texts)
    del counts[""]
    return max(counts.values(), default=0) > MAX_SAME_TEXTS


def copies(text: str, instruction: str) -> bool:
    """Return whether a text holds `LEAKED_WORDS` words in a row of the instruction."""
    return not _ngrams(words_of(text), LEAKED_WORDS).isdisjoint(_instruction_ngrams(instruction))


def _ngrams(words: Sequence[str], length: int) -> set[tuple[str, ...]]:
    return set(zip(*(words[start:] for start in range(length)), strict=False))


@lru_cache(64)
def _instruction_ngrams(instruction: str) -> set[tuple[str, ...]]:
    return _ngrams(words_of(instruction), LEAKED_WORDS)
