"""What a model's phrase must be for a detector to look for it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from recipes.hygiene import words_of
from recipes.one_text import check_english
from recipes.reply import fold, tidy_texts
from recipes.seen import check_tags
from recipes.wording.chunk_words import ADJECTIVES, ARTICLES, COLOUR_NAMES, HOLLOW, WEB_WORDS
from recipes.wording.chunks import noun_phrases
from recipes.wording.tokens import tokenise
from recipes.wording.words import word_set

REPEATED, SURPLUS = "repeated", "too many"
TOO_LONG, HOLLOW_PHRASE, NOT_SEEN = "too long", "names nothing", "not to be seen"

_AROUND = (
    ARTICLES
    | ADJECTIVES
    | COLOUR_NAMES
    | word_set(
        """
        one two three four five six seven eight nine ten eleven twelve some several many few both another
        other each his her its their pair set group bunch couple lot lots of and
        """
    )
)
"""Words of a noun phrase that the chunker leaves outside: `two`, `a pair of`, the `red and` of a flag."""

_HEADS = word_set("can top set lot")
"""Function words that are nouns at the end of a compound: `a soda can`, `a counter top`."""

_BULLET = re.compile(r"(?:[-*\u2022\u2013\u2014]+\s*|\(?\d{1,2}[.):]\s+)+")
_EDGES = " \t\"'`.,;:!\u201c\u201d"
_PLAIN = re.compile(r"[\w'\u2019,& -]+")


def tidy_phrase(text: str) -> str:
    """Return a phrase in lower case without the mark of a list before it and punctuation around it.

    >>> tidy_phrase("- A Red Crest."), tidy_phrase("3) two  dogs"), tidy_phrase("2 dogs")
    ('a red crest', 'two dogs', '2 dogs')
    """
    text = text.strip()
    mark = _BULLET.match(text)
    return " ".join((text[mark.end() :] if mark else text).lower().split()).strip(_EDGES)


def bare(phrase: str) -> str:
    """Return a phrase as it is compared: folded, without an article.

    >>> bare("The red  Dog") == bare("a red dog")
    True
    """
    first, _, rest = fold(phrase).partition(" ")
    return rest if rest and first in ARTICLES else fold(phrase)


def is_noun_phrase(phrase: str) -> bool:
    """Return whether a tidy phrase is one thing or kind of things, as the rule chunker sees it.

    Determiners, adjectives and nouns, or two such with `of` between them; no verb, and no `photo of`.

    >>> [is_noun_phrase(text) for text in ("two red dogs", "a bowl of soup", "a dog on a sofa", "it is red")]
    [True, True, False, False]
    """
    words = [token.lower for token in tokenise(phrase)]
    chunks = list(noun_phrases(phrase))
    if not chunks or not _PLAIN.fullmatch(phrase):
        return False
    ends = words[-2:] if words[-1] in _HEADS else words[-1:]
    if chunks[-1][-1] not in (ends[0], words[-1]):
        return False
    if len(chunks) > 1 + words.count("of"):
        return False
    inside = {word for chunk in chunks for word in chunk}
    followed = zip(words, [*words[1:], ""], strict=True)
    return all(
        word in inside
        or word in _AROUND
        or word.isdecimal()
        or word in ends
        or (word in WEB_WORDS and after != "of")
        for word, after in followed
    )


def is_hollow(phrase: str) -> bool:
    """Return whether a phrase names no part of a picture by itself.

    >>> [is_hollow(text) for text in ("the background", "a large object", "red", "a red car", "parking area")]
    [True, True, True, False, False]
    """
    words = set(words_of(phrase)) - _AROUND - WEB_WORDS
    return words <= HOLLOW


def check_phrases(
    found: Sequence[str],
    instruction: str,
    alt_text: str,
    fault_of: Callable[[str], str | None],
    limit: int,
) -> tuple[list[str], Counter[str]]:
    """Return up to `limit` phrases of a model that can be used, in order, and why how many others cannot.

    Args:
        found: as the model wrote them, printable.
        instruction: of which no phrase may hold a part.
        alt_text: whose prices and measures no phrase may hold: they cannot be seen.
        fault_of: says why a tidy phrase cannot be used, or None.
        limit: the most to return.

    Raises:
        BadReply: what `recipes.reply.tidy_texts` finds in any of them, or `wrong_language` of all together.
    """
    once: dict[str, str] = {}
    for text in found:
        once.setdefault(bare(tidy_phrase(text)), text)
    dropped = Counter({REPEATED: len(found) - len(once)})
    phrases = [tidy_phrase(text) for text in tidy_texts(list(once.values()), instruction)]
    check_english(", ".join(phrases))
    kept: dict[str, str] = {}
    for phrase in phrases:
        fault = fault_of(phrase)
        if fault is None and not check_tags([phrase], alt_text):
            fault = NOT_SEEN
        if fault is None and bare(phrase) in kept:  # once an opening was taken off
            fault = REPEATED
        if fault is None and len(kept) == limit:
            fault = SURPLUS
        if fault is None:
            kept[bare(phrase)] = phrase
        else:
            dropped[fault] += 1
    return list(kept.values()), dropped
