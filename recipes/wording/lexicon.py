"""The words that can be swapped: one look-up table built from nouns and attributes."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from recipes.wording.attributes import FAR_COLOURS, NUMBERS, OPPOSITES, SHADES, SHADES_NEAR
from recipes.wording.nouns import GENDER, NOUN_SETS, plural


class Option(NamedTuple):
    """A replacement, and the names of the same thing: none of them may be in the text."""

    text: str
    names: tuple[str, ...]
    phrases: tuple[str, ...]
    """Those of the names that have several words."""


def make_option(text: str, names: tuple[str, ...] = ()) -> Option:
    """Return a replacement with its names; its text alone where none are given."""
    names = names or (text,)
    return Option(text, names, tuple(name for name in names if " " in name))


class Entry(NamedTuple):
    """What a word says something of, and what can stand in its place."""

    attribute: str
    options: tuple[Option, ...]


def _forms(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for name in names for form in (name, plural(name))))


def _noun_entries() -> Iterator[tuple[str, Entry]]:
    for attribute, sets in NOUN_SETS.items():
        for one_set in sets:
            groups = [[n.replace("_", " ") for n in group.split("|")] for group in one_set.split()]
            for group in groups:
                others = [g for g in groups if g is not group]
                single = tuple(make_option(g[0], _forms(g)) for g in others)
                many = tuple(make_option(plural(g[0]), _forms(g)) for g in others)
                for name in group:
                    yield plural(name), Entry(attribute, many)
                    yield name, Entry(attribute, single)


def _attribute_entries() -> Iterator[tuple[str, Entry]]:
    for colour, far in FAR_COLOURS.items():
        yield colour, Entry("colour", tuple(_colour_option(c) for c in far))
    for shade, colour in SHADES.items():
        near = SHADES_NEAR.get(shade, colour)
        far = tuple(c for c in FAR_COLOURS[colour] if c in FAR_COLOURS[near] and c != near)
        yield shade, Entry("colour", tuple(_colour_option(c) for c in far))
    for attribute, lines in OPPOSITES.items():
        for line in lines:
            value, _, others = line.partition(" > ")
            yield value, Entry(attribute, tuple(map(make_option, others.split(", "))))
    for man, woman in reversed(GENDER):  # the first pair of a word counts
        yield woman, Entry("gender", (make_option(man),))
        yield man, Entry("gender", (make_option(woman),))
    for index, number in enumerate(NUMBERS[:9]):
        # Only larger ones: five blocks hold four, so a smaller number would not be false.
        larger = NUMBERS[index + 1 : index + 4]
        yield number, Entry("number", tuple(map(make_option, larger)))


def _colour_option(colour: str) -> Option:
    return make_option(colour, ("grey", "gray") if colour == "grey" else ())


LEXICON: dict[str, Entry] = dict([*_attribute_entries(), *_noun_entries()])
"""Every word or phrase that can be swapped, in lower case."""

PHRASE_STARTS: frozenset[str] = frozenset(key.split()[0] for key in LEXICON if " " in key)
"""First words of the phrases of `LEXICON`; the longest has three words."""

COUNTABLE: frozenset[str] = frozenset(
    {
        form
        for sets in NOUN_SETS.values()
        for one in sets
        for form in map(plural, one.replace("|", " ").split())
    }
    | {"people", "men", "women", "boys", "girls", "children", "kids", "babies", "persons", "birds", "animals"}
    | {"flowers", "trees", "houses", "blocks", "boxes", "books", "balls", "eggs", "players", "fish", "toys"}
    | {
        "towers",
        "circles",
        "balloons",
        "doors",
        "windows",
        "hands",
        "fingers",
        "cups",
        "shapes",
        "items",
        "objects",
    }
)
"""Plurals of things that can be counted in a picture."""
