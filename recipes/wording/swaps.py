"""Minimal swaps: one value of one attribute, changed for a value that excludes it.

The closed reading is taken, as in SugarCrepe's `replace` pairs (Hsieh et al., arXiv 2306.14610): what the
alt text names is what it is about. Numbers are swapped only where they count things, since a changed
price, year or measurement cannot be seen (HQ-CLIP's own pairs fail there).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from recipes.wording.draws import draw
from recipes.wording.english import BLOCKERS, is_negation
from recipes.wording.guards import Place, allows, rank
from recipes.wording.lexicon import COUNTABLE, LEXICON, PHRASE_STARTS, Entry, Option
from recipes.wording.tokens import Token, article_for, is_title_case, match_case

_MAX_PHRASE_WORDS = 3
_DIGITS = {str(n): tuple(Option(str(n + k), (str(n + k),)) for k in (1, 2, 3)) for n in range(2, 11)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A span of a text, and what stands there instead."""

    start: int
    end: int
    text: str
    attribute: str

    def apply(self, text: str) -> str:
        """Return the text with the span replaced."""
        return text[: self.start] + self.text + text[self.end :]


class Said:
    """What a text says already: its words, and itself for phrases."""

    __slots__ = ("_lower", "_words")

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._lower = text.lower()
        self._words = {token.lower.removesuffix("'s") for token in tokens}

    def holds(self, name: str) -> bool:
        """Return whether the text holds the word or phrase."""
        return name in self._lower if " " in name else name in self._words


def find_swap(
    text: str, tokens: Sequence[Token], uid: str, said: Said, colours: Collection[str]
) -> Swap | None:
    """Return the swap that the uid draws among those possible, or None.

    Args:
        text: the sentence or tag.
        tokens: its words.
        uid: decides the draw.
        said: the text in which no replacement may occur.
        colours: basic colours that the picture may hold, and that no replacement may be.
    """
    if any(token.lower in BLOCKERS or is_negation(token.lower) for token in tokens):
        return None
    ranks: dict[int, list[tuple[Place, Entry]]] = {}
    title = is_title_case(tokens)
    for place, entry in _hits(text, tokens):
        how_far = rank(entry.attribute, place, title)
        if how_far is not None and allows(entry.attribute, place):
            ranks.setdefault(how_far, []).append((place, entry))
    for how_far in sorted(ranks):
        hits = ranks[how_far]
        first = draw(uid, "swap", len(hits))
        for place, entry in hits[first:] + hits[:first]:
            option = _choose(entry, uid, said, colours)
            if option is not None:
                return _swap(place, entry.attribute, option)
    return None


def _hits(text: str, tokens: Sequence[Token]) -> Iterator[tuple[Place, Entry]]:
    index = 0
    while index < len(tokens):
        size = _phrase_words(text, tokens, index)
        last = index + size - 1
        word = text[tokens[index].start : tokens[last].end].lower() if size > 1 else tokens[index].lower
        entry = LEXICON.get(word)
        if entry is not None:
            yield Place(text, tokens, index, last), entry
        elif word in _DIGITS:
            place = Place(text, tokens, index, index)
            if _counts(place):
                yield place, Entry("number", _DIGITS[word])
        index = last + 1


def _phrase_words(text: str, tokens: Sequence[Token], index: int) -> int:
    if tokens[index].lower in PHRASE_STARTS:
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
    is_model_number = bool(previous) and previous[0].isupper() and place.word(-1) != ""
    return is_free and not is_model_number and place.word(1) in COUNTABLE


def _choose(entry: Entry, uid: str, said: Said, colours: Collection[str]) -> Option | None:
    first = draw(uid, entry.attribute, len(entry.options)) if entry.options else 0
    for option in entry.options[first:] + entry.options[:first]:
        if option.text not in colours and not any(said.holds(name) for name in option.names):
            return option
    return None


def _swap(place: Place, attribute: str, option: Option) -> Swap:
    first, last = place.tokens[place.first], place.tokens[place.last]
    new = match_case(option.text, place.text[first.start : last.end])
    article = article_for(option.text)
    if place.word(-1) in ("a", "an") and place.word(-1) != article:
        before = place.tokens[place.first - 1]
        article = match_case(article, before.text + (new if len(new) > 1 and new.isupper() else ""))
        return Swap(start=before.start, end=last.end, text=f"{article} {new}", attribute=attribute)
    return Swap(start=first.start, end=last.end, text=new, attribute=attribute)
