"""Minimal swaps: one value of one attribute, changed for a value that excludes it.

The closed reading is taken, as in SugarCrepe's `replace` pairs (Hsieh et al., arXiv 2306.14610): what the
alt text names is what it is about. Numbers are swapped only where they count things, since a changed
price, year or measurement cannot be seen (HQ-CLIP's own pairs fail there).
"""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from recipes.wording.draws import draw
from recipes.wording.english import blocks
from recipes.wording.guards import Place, allows, rank
from recipes.wording.lexicon import COUNTABLE, LEXICON, PHRASE_STARTS, Entry, Option, make_option
from recipes.wording.tokens import Token, article_for, match_case, tokenise

_MAX_PHRASE_WORDS = 3
_DIGITS = {str(n): tuple(make_option(str(n + k)) for k in (1, 2, 3)) for n in range(2, 11)}
_HIT_STARTS = frozenset(LEXICON) | PHRASE_STARTS | frozenset(_DIGITS)

_Hit = tuple[Place, Entry]
_T = TypeVar("_T")


class Swap(NamedTuple):
    """A span of a text, and what stands there instead."""

    start: int
    end: int
    text: str

    def apply(self, text: str) -> str:
        """Return the text with the span replaced."""
        return text[: self.start] + self.text + text[self.end :]


class Said:
    """What a text says already: its words, and itself for phrases."""

    __slots__ = ("_lower", "_words")

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._lower = text.lower()
        self._words = {token.lower.removesuffix("'s") for token in tokens}

    def holds(self, option: Option) -> bool:
        """Return whether the text holds one of the option's names."""
        return not self._words.isdisjoint(option.names) or any(name in self._lower for name in option.phrases)


def find_swap(text: str, uid: str, said: Said, colours: Collection[str]) -> Swap | None:
    """Return the swap that the uid draws among those possible, or None.

    Args:
        text: the sentence or tag.
        uid: decides the draw.
        said: the text in which no replacement may occur.
        colours: basic colours that the picture may hold, and that no replacement may be.
    """
    for hits in _ranked_hits(text):
        for place, entry in _from(hits, draw(uid, "swap", len(hits))):
            option = _choose(entry, uid, said, colours)
            if option is not None:
                return _swap(place, option)
    return None


@lru_cache(2048)
def _ranked_hits(text: str) -> tuple[tuple[_Hit, ...], ...]:
    """Return the hits that may be changed, those of the plainest rank first; the same tags come again."""
    tokens = tokenise(text)
    words = [token.lower for token in tokens]
    if _HIT_STARTS.isdisjoint(words) or any(map(blocks, words)):
        return ()
    ranks: dict[int, list[_Hit]] = {}
    for place, entry in _hits(text, tokens):
        how_far = rank(entry.attribute, place)
        if how_far is not None and allows(entry.attribute, place):
            ranks.setdefault(how_far, []).append((place, entry))
    return tuple(tuple(ranks[how_far]) for how_far in sorted(ranks))


def _from(items: tuple[_T, ...], first: int) -> tuple[_T, ...]:
    """Return the items from this one on, then those before it."""
    return items[first:] + items[:first]


def _hits(text: str, tokens: Sequence[Token]) -> Iterator[_Hit]:
    end = 0
    for index, token in enumerate(tokens):
        word = token.lower
        if index < end or word not in _HIT_STARTS:
            continue
        size = _phrase_words(text, tokens, index) if word in PHRASE_STARTS else 1
        end = index + size
        if size > 1:
            word = text[token.start : tokens[end - 1].end].lower()
        entry = LEXICON.get(word)
        if entry is not None:
            yield Place(text, tokens, index, end - 1), entry
        elif word in _DIGITS:
            place = Place(text, tokens, index, index)
            if _counts(place):
                yield place, Entry("number", _DIGITS[word])


def _phrase_words(text: str, tokens: Sequence[Token], index: int) -> int:
    for size in range(min(_MAX_PHRASE_WORDS, len(tokens) - index), 1, -1):
        if text[tokens[index].start : tokens[index + size - 1].end].lower() in LEXICON:
            return size
    return 1


def _counts(place: Place) -> bool:
    """Return whether a digit stands free, straight before things that can be counted in a picture."""
    token = place.tokens[place.first]
    before, after = place.text[: token.start], place.text[token.end :]
    is_free = (not before or before[-1] == " ") and after[:1] == " "
    previous = place.tokens[place.first - 1].text if place.first else ""
    is_model_number = bool(previous) and previous[0].isupper() and place.before != ""
    return is_free and not is_model_number and place.after in COUNTABLE


def _choose(entry: Entry, uid: str, said: Said, colours: Collection[str]) -> Option | None:
    for option in _from(entry.options, draw(uid, entry.attribute, len(entry.options))):
        if option.text not in colours and not said.holds(option):
            return option
    return None


def _swap(place: Place, option: Option) -> Swap:
    first, last = place.tokens[place.first], place.tokens[place.last]
    new = match_case(option.text, place.text[first.start : last.end])
    if place.before in ("a", "an") and place.before != (article := article_for(option.text)):
        before = place.tokens[place.first - 1]
        article = match_case(article, before.text + (new if len(new) > 1 and new.isupper() else ""))
        return Swap(before.start, last.end, f"{article} {new}")
    return Swap(first.start, last.end, new)
