"""Which of a model's sentences can be used: pairs that differ in one thing that can be seen."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from recipes.hygiene import words_of
from recipes.wording.english import is_negation
from recipes.wording.plain import plain
from recipes.wording.words import word_set

MAX_CHANGED = 0.5
"""Share of a sentence's words that its counterpart may change and still be minimal."""

MAX_READ = 2_000
"""Characters of an alt text that are looked at: so many stand in a prompt."""

_MIN_STEM = 3
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_CURRENCY = r"(?:[$\u20ac\u00a3\u00a5\u20b9]|\b(?:usd|eur|gbp|rs\.?)\s)"
_UNIT = (
    r"(?:(?:mm|cm|m|km|in(?!\s+\w)|inch(?:es)?|ft|feet|foot|yards?|miles?|k?m/h|mph|mg|g|gr|kg|grams?|kilograms?|kilos?|oz|"
    r"ounces?|lbs?|pounds?|ml|cl|l|lit(?:er|re)s?|gallons?|mah|w|watts?|v|volts?|k?hz|ghz|[kmgt]b|mp|"
    r"megapixels?|px|pixels?|dpi|carats?|ct|kt?|hp|cc|metres?|meters?|centimet(?:er|re)s?|"
    r"millimet(?:er|re)s?|dollars?|euros?|cents?|usd|eur|gbp)\b|[%\"\u2033\u2032\u20ac\u00a3\u00b0])"
)
_FACT = re.compile(
    rf"{_CURRENCY}\s?(\d[\d.,]*)"
    rf"|(?<![\w.])(\d[\d.,/]*)[\s-]?{_UNIT}"
    r"|\b((?:1[5-9]|20)\d\d)s?\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<!\w)#?[^\W_][\w-]{3,}")
_CODE_DIGITS = 3
_ADDED_WITH_NEGATION = word_set(
    """
    a an the any some is are was were be been being do does did has have had can there it at all of in on
    """
)


def unseen_facts(text: str) -> frozenset[str]:
    """Return the prices, measures, years and article numbers in a text, by their digits.

    >>> sorted(unseen_facts("Silver ring, 17.7 grams, $1,299, 2019, SKU XJ-2200"))
    ['1299', '17.7', '2019', 'xj-2200']
    """
    text = text[:MAX_READ]
    facts = {next(filter(None, m.groups())).strip(".,/").replace(",", "") for m in _FACT.finditer(text)}
    for match in _CODE.finditer(text):
        code = match[0].casefold().strip("#-")
        if _is_code(code):
            facts.add(code)
    return frozenset(facts)


def _is_code(code: str) -> bool:
    return sum(map(str.isdigit, code)) >= _CODE_DIGITS and (len(code) > 4 or not code.isdigit())


def without_figures(text: str) -> str:
    """Return a text without its prices, measures and article numbers: the figures of a shop. Years stay.

    >>> without_figures("Fiat 500 of 1957, 90 cm long, for $1,299, SKU XJ-2200").split()
    ['Fiat', '500', 'of', '1957,', 'long,', 'for', 'SKU']
    """
    text = _FACT.sub(lambda m: m[0] if m[3] else " ", text[:MAX_READ])
    return _CODE.sub(lambda m: " " if _is_code(m[0].casefold().strip("#-")) else m[0], text)


def same_but_digits(true: str, false: str) -> bool:
    """Return whether two sentences differ in numbers alone, which a picture seldom shows."""
    one, other = (_NUMBER.sub("0", " ".join(text.casefold().split())) for text in (true, false))
    return one == other and true != false


def only_negates(true: Sequence[str], false: Sequence[str]) -> bool:
    """Return whether `false` adds a negation to words of `true`, and names nothing else instead."""
    added = Counter(false) - Counter(true)
    if not any(map(is_negation, added)):
        return False
    new = [w for w in added if not is_negation(w) and w not in _ADDED_WITH_NEGATION]
    return all(any(_share_stem(word, old) for old in true) for word in new)


def _share_stem(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _MIN_STEM and (one.startswith(other) or other.startswith(one))


def is_minimal(true: Sequence[str], false: Sequence[str]) -> bool:
    """Return whether at least half of the words of the longer sentence are in the other."""
    longer = max(len(true), len(false))
    return longer - (Counter(true) & Counter(false)).total() <= MAX_CHANGED * longer


@dataclass(slots=True, kw_only=True)
class Pairs:
    """Sentences and their contradictions that passed, and why the others did not."""

    positive: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def check_pairs(positive: Sequence[str], negative: Sequence[str], alt_text: str) -> Pairs:
    """Return the pairs that can be used.

    Dropped are those that repeat an earlier one, state what only the alt text can tell (HQ-CLIP's own data
    have weights in grams: issue 2 of its repository), or whose negative is no contradiction to be seen: the
    same, true (also where only articles or synonyms differ), changed in digits alone, a bare negation, or
    about something else altogether.
    """
    kept, told = Pairs(), unseen_facts(alt_text)
    true_words = [words_of(text) for text in positive]
    said = {plain(words) for words in true_words}
    for k, (true, false) in enumerate(zip(positive, negative, strict=True)):
        words, others = true_words[k], words_of(false)
        if words in true_words[:k]:
            fault = "repeated"
        elif words == others:
            fault = "same"
        elif plain(others) in said:
            fault = "negative is true"
        elif same_but_digits(true, false):
            fault = "digits alone"
        elif told & (unseen_facts(true) | unseen_facts(false)):
            fault = "fact of the alt text"
        elif only_negates(words, others):
            fault = "negation alone"
        elif not is_minimal(words, others):
            fault = "not minimal"
        else:
            kept.positive.append(true)
            kept.negative.append(false)
            continue
        kept.dropped[fault] += 1
    return kept


def check_tags(tags: Iterable[str], alt_text: str) -> list[str]:
    """Return tags that name something to be seen: no `no dog`, and no fact that only the alt text tells."""
    told = unseen_facts(alt_text)
    return [
        tag
        for tag in tags
        if (words := words_of(tag)) and not is_negation(words[0]) and not told & unseen_facts(tag)
    ]


def is_said(tag: str, sentences: Iterable[str]) -> bool:
    """Return whether the words of a tag stand in one of the sentences."""
    looked_for = f" {' '.join(words_of(tag))} "
    return any(looked_for in f" {' '.join(words_of(sentence))} " for sentence in sentences)
