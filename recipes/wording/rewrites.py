"""Other wordings of an alt text that say the same: nothing is added, numbers and names stay.

Four styles, after LaCLIP's four ways of rewriting (arXiv 2305.20088): framed as a photo, parts in another
order, a plain sentence, and other words for the same things.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from recipes.wording.draws import draw
from recipes.wording.english import FINITE_VERBS, FUNCTION_WORDS, ING_NOUNS
from recipes.wording.lexicon import COUNTABLE, LEXICON
from recipes.wording.rewording import drop_praise, other_words
from recipes.wording.tokens import (
    Token,
    gap,
    is_title_case,
    starts_sentence,
    tokenise,
)
from recipes.wording.words import word_set

MAX_REWRITES = 4
_STOPS = ".!?,;: "
_ARTICLES = frozenset(("a", "an"))
_MANY = word_set(
    """
    two three four five six seven eight nine ten several some many
    """
)
_COUNTED = _ARTICLES | _MANY
_DETERMINERS = _ARTICLES | _MANY | frozenset(("the", "one", "another"))
_PLACES = word_set(
    """
    on in at near under behind beside outside inside above below over during
    """
)
_REFERRING = word_set(
    """
    his her its their it them him he she they that which who
    """
)
_BREAKS = word_set(
    """
    that which who while as where when
    """
)
_LEANING = _REFERRING | _BREAKS
"""Words that need what stands before them."""
_NO_HEADS = FUNCTION_WORDS | FINITE_VERBS
_OPENER = re.compile(
    r"(?:(?:this|here) is )?an? (?:\w+ )?(?:photo|photograph|picture|image) of (?=\w)"
    r"|there (?:is|are) (?=\w)",
    re.IGNORECASE,
)
_JOINTS = (re.compile(r"\s+[|\u2013\u2014-]\s+"), re.compile(r",\s+"))
_MAX_TAIL_WORDS = 6
_FRAMES = ("A photo of", "A picture of", "An image of")
_CLAUSE_FRAMES = ("A photo in which", "A picture where", "An image in which")
_TITLE_FRAMES = ("A photo captioned", "A picture captioned", "An image with the caption")


def rewrite(text: str, uid: str) -> list[str]:
    """Return one to four rewrites of a cleaned English alt text, all different."""
    stem = text.rstrip(_STOPS)
    tokens = tokenise(text)  # also those of the stem: a stop ends no word
    if not tokens:
        return []
    bound = _bound_words(stem, tokens)
    kept = {stem.casefold(): stem}
    for candidate in _candidates(stem, tokens, uid):
        lower = candidate.lower()
        if all(word in lower for word in bound):
            kept.setdefault(candidate.rstrip(_STOPS).casefold(), candidate)
    return list(kept.values())[1 : MAX_REWRITES + 1] or [f'A picture captioned "{stem}".']


def _candidates(stem: str, tokens: Sequence[Token], uid: str) -> Iterator[str]:
    """Yield the rewrites in order of style: framed, reordered, plain, other words."""
    other = other_words(stem, tokens)
    plain = drop_opener(drop_praise(stem, tokens))
    yield framed(stem if draw(uid, "framed", 2) else other, uid)
    yield from filter(None, (reordered(other if draw(uid, "reordered", 2) else plain),))
    yield from filter(None, (stated(plain),))
    yield other + "."
    yield plain + "."


def _bound_words(stem: str, tokens: Sequence[Token]) -> list[str]:
    """Return every number and every capitalised word inside a sentence: no rewrite may lack one."""
    return [
        token.lower
        for token in tokens
        if not token.text.islower() and (token.text[0].isdigit() or not starts_sentence(stem, token))
    ]


def _main_part(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens before a subordinate clause."""
    for index, token in enumerate(tokens):
        if token.lower in _BREAKS:
            return tokens[:index]
    return tokens


def _is_clause(tokens: Sequence[Token]) -> bool:
    return not FINITE_VERBS.isdisjoint([token.lower for token in _main_part(tokens)])


def _holds_participle(words: Sequence[str]) -> bool:
    return any(word not in ING_NOUNS for word in words if word.endswith("ing"))


def _is_noun_phrase(tokens: Sequence[Token]) -> bool:
    """Return whether `a photo of` can stand before the text."""
    first = tokens[0].lower
    return first in _DETERMINERS or (not is_title_case(tokens) and (first in LEXICON or first in COUNTABLE))


def _lower_first(text: str, tokens: Sequence[Token]) -> str:
    """Return the text to stand inside a sentence: the first word in lower case unless it may be a name."""
    first = tokens[0]
    if first.lower in FUNCTION_WORDS or (first.lower in LEXICON and not is_title_case(tokens)):
        return text[: first.start] + first.lower + text[first.end :]
    return text


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def framed(text: str, uid: str) -> str:
    """Return the text as said of a photo.

    >>> framed("Two dogs playing", "u")[-20:], framed("A man is flying a kite", "u")[-27:]
    ('of two dogs playing.', 'ich a man is flying a kite.')
    """
    tokens = tokenise(text)
    choice = draw(uid, "frame", len(_FRAMES))
    if '"' in text:
        return f"A photo: {text}."
    if ". " in text or not _is_noun_phrase(tokens):
        return f'{_TITLE_FRAMES[choice]} "{text}".'
    frame = (_CLAUSE_FRAMES if _is_clause(tokens) else _FRAMES)[choice]
    return f"{frame} {_lower_first(text, tokens)}."


def reordered(text: str) -> str | None:
    """Return the text with its last part first, or None where that would not read well.

    >>> reordered("A man riding a horse on the beach")
    'On the beach, a man riding a horse.'
    >>> reordered("Banded Dragonfly, Guyana")
    'Guyana, Banded Dragonfly.'
    >>> reordered("A dog and a cat")
    """
    tokens = tokenise(text)
    if ". " in text or "(" in text or '"' in text:
        return None
    for joint in _JOINTS:
        parts = joint.split(text)
        if len(parts) > 1:
            return _turned(parts, tokens)
    return _fronted(text, tokens)


def _turned(parts: Sequence[str], tokens: Sequence[Token]) -> str | None:
    """Return a list of parts with the first last; None for a sentence with commas or an enumeration."""
    heads = [word.lower() for part in parts for word in part.split(None, 1)[:1]]
    if len(parts) > 4 or len(heads) < len(parts) or not FUNCTION_WORDS.isdisjoint(heads):
        return None
    words = [token.lower for token in tokens]
    if "and" in words or "or" in words or any("&" in part for part in parts):
        return None
    if _is_clause(tokens) or _holds_participle(words):
        return None
    return _upper_first(", ".join([*parts[1:], parts[0]])) + "."


def _fronted(text: str, tokens: Sequence[Token]) -> str | None:
    """Return the text with its last phrase of place in front."""
    if not tokens or tokens[0].lower not in _DETERMINERS:
        return None
    index = max([i for i, token in enumerate(tokens) if token.text in _PLACES], default=0)
    words = [token.lower for token in tokens]
    head, tail = words[:index], words[index:]
    if len(head) < 3 or not 2 <= len(tail) <= _MAX_TAIL_WORDS:
        return None
    if head[-1] in _NO_HEADS or not _LEANING.isdisjoint(words) or "and" in tail:
        return None
    if _holds_participle((head[-1], *tail)):
        return None
    if any(gap(text, left, right) != " " for left, right in pairwise(tokens)):
        return None
    return (
        f"{_upper_first(text[tokens[index].start :])}, {_lower_first(text[: tokens[index - 1].end], tokens)}."
    )


def stated(text: str) -> str | None:
    """Return the text as a plain sentence, or None where it is no noun phrase.

    >>> stated("Two dogs playing"), stated("A man is flying a kite")
    ('There are two dogs playing.', 'A man flying a kite.')
    """
    tokens = tokenise(text)
    main = _main_part(tokens)
    for auxiliary, verb in pairwise(main[1:]):
        if (
            auxiliary.text in ("is", "are")
            and verb.text.endswith("ing")
            and gap(text, auxiliary, verb) == " "
        ):
            return text[: auxiliary.start] + text[verb.start :] + "."
    first = tokens[0].lower if tokens else ""
    if first not in _COUNTED or ". " in text or _is_clause(main):
        return None
    is_many = first in _MANY or (len(tokens) > 2 and tokens[1].lower in ("couple", "pair"))
    return f"There {'are' if is_many else 'is'} {_lower_first(text, tokens)}."


def drop_opener(text: str) -> str:
    """Return the text without a beginning that only says that it is a picture.

    >>> drop_opener("This is an image of two girls"), drop_opener("There are two dogs")
    ('Two girls', 'Two dogs')
    """
    match = _OPENER.match(text)
    return _upper_first(text[match.end() :]) if match else text
