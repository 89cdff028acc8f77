"""A sentence without words that it can do without: attributes that stand before a noun."""

from collections.abc import Collection, Sequence

from recipes.wording.chunk_words import ADJECTIVES, ARTICLES
from recipes.wording.chunks import noun_phrases
from recipes.wording.english import VERBS
from recipes.wording.fixed import FIXED_PAIRS
from recipes.wording.lexicon import LEXICON
from recipes.wording.tokens import Token, article_for, gap, match_case, starts_sentence, tokenise
from recipes.wording.words import word_set

_KINDS = frozenset(
    ("colour", "size", "age", "material", "pattern", "weather", "season", "setting", "posture", "expression")
)
ATTRIBUTES = frozenset(w for w, e in LEXICON.items() if e.attribute in _KINDS and " " not in w) | {
    "gold",
    "silver",
}
"""Words of the lexicon that say how a thing looks."""

_MODIFIERS = ATTRIBUTES | ADJECTIVES | ARTICLES
_LINKING = word_set(
    """
    look looks looking seems appear appears stand stands sit sits lie lies come comes go goes get gets got
    getting keep keeps kept turn turns made
    """
)
_BEFORE = (VERBS - _LINKING) | word_set(
    """
    of in on at by for from with without to into onto over under above below behind beside between near
    around through across along against toward towards inside outside next my your his her its our their
    this that these those some two three four five six seven eight nine ten eleven twelve many several
    """
)
"""What may stand before a noun without an article: not `and`, `very` or `is`, after which an adjective may be
all that is said."""


def leave_out(sentence: str, suspects: Collection[str]) -> str:
    """Return an English sentence without those suspects, in lower case, that are attributes of a noun.

    A word stays where it is the noun itself or all that is said of it, part of a name or a fixed pair, or
    joined to another attribute; the article before a word that goes is mended.

    >>> leave_out("An orange car on a brick road.", {"orange", "road"})
    'A car on a brick road.'
    >>> leave_out("The car is red, and an orange is on it.", {"red", "orange"})
    'The car is red, and an orange is on it.'
    """
    while (found := _find(sentence, tokenise(sentence), suspects)) is not None:
        sentence = _without(sentence, tokenise(sentence), found)
    return sentence


def _find(sentence: str, tokens: Sequence[Token], suspects: Collection[str]) -> int | None:
    """Return the place of the first word that can go."""
    words = [token.lower for token in tokens]
    if ATTRIBUTES.isdisjoint(words):
        return None
    start = 0
    for phrase in noun_phrases(sentence):
        while tuple(words[start : start + len(phrase)]) != phrase:
            start += 1
        end = start + len(phrase)
        for place in range(start, end - 1):
            if words[place] not in _MODIFIERS and not words[place].endswith(("'s", "\u2019s")):
                break  # a noun: what follows it may be part of its name, as in `ice cream cone`
            is_attribute = words[place] in suspects and words[place] in ATTRIBUTES
            if is_attribute and (place > start or _opens(words, start)) and _is_free(sentence, tokens, place):
                return place
        start = end
    return None


def _opens(words: Sequence[str], start: int) -> bool:
    """Return whether a phrase without an article can begin here with another word as well."""
    if start == 0 or words[start - 1] in _BEFORE:
        return True
    return words[start - 1] in ("is", "are") and words[max(0, start - 2)] == "there"


def _is_free(sentence: str, tokens: Sequence[Token], place: int) -> bool:
    """Return whether blanks are around a word, and it is neither a name's nor a fixed pair's."""
    token, after = tokens[place], tokens[place + 1]
    if gap(sentence, token, after) != " " or after.text[0].isupper():
        return False
    if token.text[0].isupper() and not starts_sentence(sentence, token):
        return False
    if _are_one(f"{token.lower} {after.lower}"):
        return False
    if not place:
        return token.start == 0
    before = tokens[place - 1]
    return gap(sentence, before, token) == " " and not _are_one(f"{before.lower} {token.lower}")


def _are_one(pair: str) -> bool:
    return pair in FIXED_PAIRS or (pair in LEXICON and LEXICON[pair].attribute == "colour")


def _without(sentence: str, tokens: Sequence[Token], place: int) -> str:
    token, after = tokens[place], tokens[place + 1]
    rest = sentence[after.start :]
    if not place:
        return match_case(after.text, token.text) + sentence[after.end :]
    before = tokens[place - 1]
    if before.lower not in ("a", "an"):
        return sentence[: token.start] + rest
    article = match_case(_article_for(after.lower), before.text)
    return f"{sentence[: before.start]}{article} {rest}"


def _article_for(word: str) -> str:
    """Return `a` or `an` for a word that may be in no lexicon."""
    if word.startswith(("ut", "us", "uk")):
        return "a"  # utility pole, used car
    return "an" if word.startswith(("hour", "hono", "heir")) else article_for(word)
