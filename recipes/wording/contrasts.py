"""True statements of a sample beside false ones, by rule: the embedded baseline of HQ-CLIP's four fields."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from recipes.wording.clean import clean
from recipes.wording.draws import draw
from recipes.wording.english import blocks, is_english
from recipes.wording.phrases import find_tags
from recipes.wording.swaps import Said, find_swap
from recipes.wording.tokens import Token, tokenise
from recipes.wording.visual import Measure, colour_tags, measure, present_colours
from schemas.facts import Facts

_STOPS = ".!?,;: "
_INNER_STOP = re.compile(r"[a-z)][.!?] [A-Z]")


@lru_cache(64)  # a recipe asks again when it reads the reply
def write_contrasts(facts: Facts) -> Mapping[str, list[str]]:
    """Return the four fields of `recipes.hqclip`, every negative false if alt text and measurements are true.

    The first long pair is the cleaned alt text with one value swapped, or, where nothing in it can be, with a
    measured clause hung on. One or two measured sentences follow. English only: a text in another language
    gets no long fields. A text that is nothing but a URL or file name gets the measured sentences alone.
    """
    text = clean(facts.alt_text)
    tokens = tokenise(text)
    measures = measure(facts)
    pairs: list[tuple[str, str]] = []
    tags: list[tuple[str, str | None]] = [*colour_tags(facts)]
    if text and not is_english(facts, tokens):
        return _fields(pairs, tags, "")
    if text:
        said, present = Said(text, tokens), present_colours(facts)
        swap = find_swap(text, facts.uid, said, present)
        pairs += [(text, swap.apply(text))] if swap else _hung_pair(facts, text, measures)
        tags = [*_tag_pairs(facts.uid, text, tokens, said, present), *tags]
    pairs += _measured_pairs(facts, measures)
    return _fields(pairs, tags, text.lower())


def _hung_pair(facts: Facts, text: str, measures: list[Measure]) -> list[tuple[str, str]]:
    """Return the alt text with a measured clause hung on; its measure is taken out of `measures`."""
    hung = [m for m in measures if m.clause]
    if not hung:
        return []
    # The format says least of a picture: it is hung on only where nothing else can be.
    hung = [m for m in hung if m.topic != "format"] or hung
    chosen = hung[draw(facts.uid, "clause", len(hung))]
    measures.remove(chosen)
    stem = text.rstrip(_STOPS)
    stop = text[len(stem) :].strip()
    if _INNER_STOP.search(stem):
        return [
            (f"{stem}{stop or '.'} {sentence}", f"{stem}{stop or '.'} {false}")
            for sentence, false in [chosen[1:3]]
        ]
    return [(stem + chosen.clause + stop, stem + chosen.false_clause + stop)]


def _measured_pairs(facts: Facts, measures: Sequence[Measure]) -> list[tuple[str, str]]:
    if not measures:
        return []
    count = min(1 + draw(facts.uid, "measures", 2), len(measures))
    first = draw(facts.uid, "measure", len(measures))
    turned = [*measures[first:], *measures[:first]]
    return [(m.positive, m.negative) for m in turned[:count]]


def _tag_pairs(
    uid: str, text: str, tokens: Sequence[Token], said: Said, present: frozenset[str]
) -> list[tuple[str, str | None]]:
    """Return the tags of the text, each with a contradiction where there is one."""
    tags = find_tags(text, tokens)
    if any(map(blocks, [token.lower for token in tokens])):
        return [(tag, None) for tag in tags]
    pairs: list[tuple[str, str | None]] = []
    for tag in tags:
        swap = find_swap(tag, uid, said, present)
        pairs.append((tag, swap.apply(tag) if swap else None))
    return pairs


def _fields(
    pairs: Sequence[tuple[str, str]], tags: Sequence[tuple[str, str | None]], lower: str
) -> Mapping[str, list[str]]:
    positive = list(dict.fromkeys(tag for tag, _ in tags))
    negative = dict.fromkeys(false for _, false in tags if false is not None)
    return {
        "long_positive": [true for true, _ in pairs],
        "long_negative": [false for _, false in pairs],
        "short_positive": positive,
        "short_negative": [tag for tag in negative if tag not in positive and tag not in lower],
    }
