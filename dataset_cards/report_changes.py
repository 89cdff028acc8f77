"""Which words one text has in place of another's."""

from difflib import SequenceMatcher

Part = str | list[str]
"""Words that both texts have, or [those of the first, those of the second]."""

MAX_WORDS = 200
"""Longer texts are one change: comparing takes quadratic time where words repeat."""


def word_changes(before: str, after: str) -> list[Part]:
    """Return two texts as one sequence of what they share and what they do not.

    >>> word_changes("a red car stands", "a blue car stands still")
    ['a', ['red', 'blue'], 'car stands', ['', 'still']]
    """
    old, new = before.split(), after.split()
    if old == new:
        return [" ".join(old)] if old else []
    if max(len(old), len(new)) > MAX_WORDS:
        return [[before, after]]
    parts: list[Part] = []
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        parts.append(" ".join(old[i:j]) if what == "equal" else [" ".join(old[i:j]), " ".join(new[k:m])])
    return parts
