"""Where a word of the lexicon does not mean what it says, or changing it would read wrongly."""

from collections.abc import Callable, Sequence

from recipes.wording.attributes import SHADES
from recipes.wording.english import FUNCTION_WORDS
from recipes.wording.fixed import FIXED_PAIRS
from recipes.wording.lexicon import COUNTABLE, LEXICON
from recipes.wording.nouns import NOUN_SETS
from recipes.wording.tokens import Token, gap, is_title_case, starts_sentence
from recipes.wording.words import word_set
from schemas.facts import COLOURS

_PERSONS = word_set(
    """
    man men woman women boy boys girl girls male males female females people person persons couple family
    lady ladies guy guys child children kid kids american americans african student students model models
    actor actress teen teens teenager adult adults
    """
)
_ANIMATE = (
    _PERSONS
    | {w for w, e in LEXICON.items() if e.attribute in ("animal", "person", "gender")}
    | {"bird", "birds", "baby"}
)
_PRONOUNS = word_set(
    """
    he she his her him hers himself herself
    """
)
_UNITS = word_set(
    """
    inch inches feet foot years year hours hour days day months weeks miles minutes seconds grams pounds
    dollars euros cents cm mm kg ounces oz meters metres liters times sizes ways tips reasons steps stars
    ideas options colors colours things parts seasons episodes points percent goals games wins matches
    rounds tracks songs pages
    """
)
_COLOUR_WORDS = frozenset(COLOURS) | frozenset(SHADES) | {"gold", "silver"}
_NOT_COLOURED = _PERSONS | {"skin", "sheep", "lives", "history", "culture", "magic", "tie", "room", "market"}


_NUMBERED = frozenset(("one", "part", "chapter", "number", "day", "least", "season"))
_NOUNS = frozenset(NOUN_SETS)
_NOT_IN_TITLES = frozenset(("place", "person", "sport", "position"))


class Place:
    """A hit of the lexicon in its sentence: tokens `first` to `last`, both included."""

    __slots__ = ("after", "before", "first", "last", "text", "tokens")

    def __init__(self, text: str, tokens: Sequence[Token], first: int, last: int) -> None:
        self.text = text
        self.tokens = tokens
        self.first = first
        self.last = last
        self.before = self.word(-1)
        self.after = self.word(1)

    def word(self, offset: int) -> str:
        """Return the word so many places before (-1, -2) or after the hit, across blanks; or nothing."""
        index = self.first + offset if offset < 0 else self.last + offset
        if not 0 <= index < len(self.tokens):
            return ""
        low, high = (index, self.first) if offset < 0 else (self.last, index)
        for i in range(low, high):
            if gap(self.text, self.tokens[i], self.tokens[i + 1]) != " ":
                return ""
        return self.tokens[index].lower


def _is_noun_ahead(place: Place) -> bool:
    following = place.after
    return bool(following) and following not in FUNCTION_WORDS and not following[0].isdigit()


def _colour(place: Place) -> bool:
    following, before = place.after, place.before
    if following in _NOT_COLOURED or (following == "and" and place.word(2) == "white") or before == "and":
        return False
    if place.tokens[place.first].lower in ("orange", "lavender", "navy"):
        return _is_noun_ahead(place)
    if following in _COLOUR_WORDS or before in _COLOUR_WORDS:
        return False
    if place.tokens[place.first].text[0].isupper() and not _is_noun_ahead(place):
        return (
            place.first > 0
            and gap(place.text, place.tokens[place.first - 1], place.tokens[place.first]) != " "
        )
    return True


def _gender(place: Place) -> bool:
    return not any(token.lower in _PRONOUNS for token in place.tokens)


def _age(place: Place) -> bool:
    word = place.tokens[place.first].lower
    if word == "baby":
        return place.after in LEXICON and LEXICON[place.after].attribute == "animal"
    if word == "old":
        return _is_noun_ahead(place) and place.after not in _ANIMATE
    return place.after in _ANIMATE


def _posture(place: Place) -> bool:
    return place.before in _ANIMATE or (place.before in ("is", "are") and place.word(-2) in _ANIMATE)


def _size(place: Place) -> bool:
    return place.first != place.last or (_is_noun_ahead(place) and place.before != "size")


def _position(place: Place) -> bool:
    """Refuse amounts (`under $20`), and what may relate two of a kind (`a dog to the left of a dog`)."""
    content = [t.lower.removesuffix("s") for t in place.tokens if t.lower not in FUNCTION_WORDS]
    if len(set(content)) < len(content):
        return False
    following = place.after
    if not following:
        return place.first != place.last or place.tokens[place.last].lower in ("above", "below")
    return not following[0].isdigit() and following not in ("scenes", "bars")


def _number(place: Place) -> bool:
    if place.before[:1].isdigit() or place.before in _NUMBERED:
        return False
    for offset in (1, 2, 3):
        word = place.word(offset)
        if word in COUNTABLE:
            return True
        if not word or word in FUNCTION_WORDS or word in _UNITS or word.endswith("s"):
            return False
    return False


def _weather(place: Place) -> bool:
    return _is_noun_ahead(place) or place.before in ("is", "a", "on")


_GUARDS: dict[str, Callable[[Place], bool]] = {
    "colour": _colour,
    "material": _is_noun_ahead,
    "gender": _gender,
    "age": _age,
    "posture": _posture,
    "size": _size,
    "position": _position,
    "number": _number,
    "weather": _weather,
    "expression": _posture,
    "pattern": _is_noun_ahead,
}


def allows(attribute: str, place: Place) -> bool:
    """Return whether the hit means what the lexicon says and may be changed."""
    first, last = place.tokens[place.first].lower, place.tokens[place.last].lower
    if f"{place.before} {first}" in FIXED_PAIRS or f"{last} {place.after}" in FIXED_PAIRS:
        return False
    guard = _GUARDS.get(attribute)
    return guard is None or guard(place)


def rank(attribute: str, place: Place) -> int | None:
    """Return how far from plain the hit is, 0 first; None where it is likely part of a name.

    A noun before another noun (`airport lobby`) comes after heads, words of a title after both. In a title,
    nouns before nouns, places, positions, sports and persons are taken for names.
    """
    token = place.tokens[place.first]
    is_noun = attribute in _NOUNS
    is_modifier = is_noun and _is_noun_ahead(place)
    follows_article = place.first == 1 and place.before in ("a", "an", "the")
    if not token.text[0].isupper() or starts_sentence(place.text, token) or follows_article:
        return 1 if is_modifier else 0
    if is_modifier or attribute in _NOT_IN_TITLES or not is_title_case(place.tokens):
        return None
    if attribute == "gender" and not (token.lower.endswith("s") and _is_noun_ahead(place)):
        return None
    return 2
