"""Thin out what is named too often: MetaCLIP's balancing (arXiv 2309.16671, algorithm 1).

Do it last: what another rule drops afterwards is missing from the counts.
"""

from collections.abc import Collection, Mapping
from typing import Any

from recipes.hygiene import words_of
from schemas.selecting import BalanceConfig
from transforms.selecting.draws import draw

Frequent = Mapping[str, int]
"""How many samples have an entry, of the entries that more than `t` have."""


def entries_of(fields: Mapping[str, Any], caption: str, config: BalanceConfig) -> list[str]:
    """Return a sample's distinct entries, case folded and with single spaces, in the order they come.

    Args:
        fields: all of `schemas.annotation.FIELDS`, as they stand in a record.
        caption: of the same sample.
    """
    if config.over == "words":
        return list(dict.fromkeys(words_of(caption)))
    folded = (" ".join(text.casefold().split()) for text in fields[config.over])
    return [entry for entry in dict.fromkeys(folded) if entry]


def keep_probability(count: int, t: int) -> float:
    """Return the probability t / max(count, t) that an entry of `count` samples keeps one of them.

    >>> keep_probability(80_000, 20_000), keep_probability(5, 20_000)
    (0.25, 1.0)
    """
    return t / max(count, t)


def is_kept(uid: str, entries: Collection[str], frequent: Frequent, config: BalanceConfig) -> bool:
    """Return whether one of a sample's entries keeps it: a function of its uid, and of the counts.

    An entry that is not among the frequent keeps every sample.
    """
    if not entries:
        return config.unmatched == "keep"
    return any(
        entry not in frequent or draw(config.seed, uid, entry) < keep_probability(frequent[entry], config.t)
        for entry in entries
    )


def most_frequent(entries: Collection[str], frequent: Frequent) -> str:
    """Return the entry that most samples have, of equal ones the first by name."""
    return min(entries, key=lambda entry: (-frequent[entry], entry))
