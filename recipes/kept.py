"""What of an alt text must be in every rewrite of it: its numbers and names."""

import re
from collections.abc import Iterable, Set

from recipes.wording.clean import clean
from recipes.wording.english import FUNCTION_WORDS, is_english
from recipes.wording.lexicon import LEXICON
from recipes.wording.synonyms import PRAISE
from recipes.wording.tokens import Token, is_title_case, starts_sentence, tokenise
from recipes.wording.words import word_set
from schemas.facts import Facts

_DIGITS = re.compile(r"\d+(?:[.,:/]\d+)*")
_WORDS_FOR: tuple[str, ...] = (
    "zero", "one first single a an", "two second pair couple both twin twins double",
    "three third trio triple", "four fourth", "five fifth", "six sixth half",
    "seven seventh", "eight eighth", "nine ninth",
    "ten tenth", "eleven eleventh", "twelve twelfth dozen",
)  # fmt: skip
_NO_NAMES = word_set(
    """
    best new hot sale free ever wow top now buy shop great amazing photo image picture stock vintage
    """
)


def numbers(text: str) -> frozenset[str]:
    """Return the numbers in a text, their thousands not parted."""
    return frozenset(found.replace(",", "") for found in _DIGITS.findall(text))


def names(facts: Facts, text: str) -> frozenset[str]:
    """Return the names in an alt text: `english_names`, or none where it is in another language."""
    return english_names(text) if is_english(facts, tokenise(text)) else frozenset()


def english_names(text: str) -> frozenset[str]:
    """Return the capitalised words within sentences of an English text; none where a title capitalises all.

    Words in capitals throughout are left out: web text shouts.
    """
    tokens = tokenise(text)
    if is_title_case(tokens):
        return frozenset()
    return frozenset(_bare(token) for token in tokens if _is_name(text, token))


def _is_name(text: str, token: Token) -> bool:
    if not token.text[0].isupper() or token.text.isupper() or starts_sentence(text, token):
        return False
    word = _bare(token)
    return not (word in FUNCTION_WORDS or word in LEXICON or word in PRAISE or word in _NO_NAMES)


def _bare(token: Token) -> str:
    return token.lower.replace("\u2019", "'").removesuffix("'s")


def keeps_all(rewrite: str, facts: Facts) -> bool:
    """Return whether a rewrite has every number and name of the cleaned alt text; small numbers in words too.

    >>> facts = Facts(index=0, uid="", key="", alt_text="A walk by 2 dogs in Paris", language="en")
    >>> keeps_all("Two dogs walk in Paris.", facts), keeps_all("Two dogs walk in France.", facts)
    (True, False)
    """
    text = clean(facts.alt_text)
    return not lost(rewrite, names(facts, text) | numbers(text))


def lost(text: str, wanted: Iterable[str]) -> list[str]:
    """Return which of the names and numbers are not in a text, sorted; small numbers may be in words.

    >>> lost("Two dogs in Rome.", ["2", "paris", "14"])
    ['14', 'paris']
    """
    lower = text.lower().replace("\u2019", "'")
    said, words = numbers(text), {token.lower for token in tokenise(text)}
    return sorted(
        one
        for one in wanted
        if not (one in said or in_words(one, words) if one[0].isdigit() else one in lower)
    )


def in_words(number: str, words: Set[str]) -> bool:
    """Return whether a number up to twelve is among these lower-case English words."""
    if not number.isdecimal() or len(number) > 2 or int(number) >= len(_WORDS_FOR):
        return False
    return not words.isdisjoint(_WORDS_FOR[int(number)].split())
