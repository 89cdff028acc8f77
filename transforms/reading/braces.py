"""Brace patterns as shells write them: `{00000..00012}` and `{train,val}`, nested too, and bounded."""

import itertools
import re
from collections.abc import Sequence

MAX_PATHS = 1_000_000
"""A pattern that names more is a slip of the keyboard."""
_MAX_BRACES = 32
_NUMBERS = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\.(-?\d{1,18}))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])")


def expand_braces(pattern: str) -> list[str]:
    """Return every string that the pattern names, in its order; braces that hold no choice stay as they are.

    >>> expand_braces("{08..10}-{a,b{1..2}}")[:4]
    ['08-a', '08-b1', '08-b2', '09-a']

    Raises:
        ValueError: it names more than `MAX_PATHS`, or has more than 32 opening braces.
    """
    if pattern.count("{") > _MAX_BRACES:
        raise ValueError(f"it has more than {_MAX_BRACES} opening braces; use a glob")
    return _expand(pattern)


def _expand(pattern: str) -> list[str]:
    span = _first_group(pattern)
    if span is None:
        return [pattern]
    start, commas, end = span
    choices = _choices(pattern, start, commas, end)
    if choices is None:
        return [pattern[: start + 1] + rest for rest in _expand(pattern[start + 1 :])]
    options = [option for choice in choices for option in _expand(choice)]
    tails = _expand(pattern[end + 1 :])
    _check_count(len(options) * len(tails))
    return [pattern[:start] + option + tail for option in options for tail in tails]


def _first_group(pattern: str) -> tuple[int, list[int], int] | None:
    """Return where the first closed brace opens, its own commas, and where it closes."""
    for start in (i for i, c in enumerate(pattern) if c == "{"):
        depth = 0
        commas: list[int] = []
        for at in range(start, len(pattern)):
            depth += {"{": 1, "}": -1}.get(pattern[at], 0)
            if depth == 0:
                return start, commas, at
            if depth == 1 and pattern[at] == ",":
                commas.append(at)
    return None


def _choices(pattern: str, start: int, commas: Sequence[int], end: int) -> list[str] | None:
    if commas:
        edges = [start, *commas, end]
        return [pattern[a + 1 : b] for a, b in itertools.pairwise(edges)]
    inside = pattern[start + 1 : end]
    if numbers := _NUMBERS.fullmatch(inside):
        return _numbers(numbers[1], numbers[2], int(numbers[3] or 1))
    if letters := _LETTERS.fullmatch(inside):
        first, last = ord(letters[1]), ord(letters[2])
        way = 1 if last >= first else -1
        return [chr(c) for c in range(first, last + way, way)]
    return None


def _numbers(first: str, last: str, step: int) -> list[str]:
    low, high = int(first), int(last)
    way = 1 if high >= low else -1
    span = range(low, high + way, way * max(abs(step), 1))
    # len() of a range this long would overflow, so the count is worked out.
    _check_count(abs(high - low) // max(abs(step), 1) + 1)
    padded = any(re.match(r"-?0\d", end) for end in (first, last))
    width = max(len(first), len(last)) if padded else 0
    return [f"{number:0{width}d}" for number in span]


def _check_count(count: int) -> None:
    if count > MAX_PATHS:
        raise ValueError(f"it names {count:,} paths, more than {MAX_PATHS:,}; use a smaller range or a glob")
