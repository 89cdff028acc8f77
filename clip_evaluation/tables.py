"""Results as Markdown."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from clip_evaluation.compare import Comparison
from clip_evaluation.figure import Figure

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&:@])")


def results_table(
    checkpoint: str,
    found: Mapping[str, Figure],
    *,
    notes: Mapping[str, Mapping[str, int]],
    plots: Sequence[str],
) -> str:
    """Return the figures as Markdown, each with its interval, chance level and number of items."""
    lines = [
        f"# {_escape(checkpoint)}",
        "",
        "| figure | value | 95 % interval | chance | n |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, figure in found.items():
        arrow = " (lower is better)" if figure.lower_is_better else ""
        interval = _interval(figure.low, figure.high)
        cells = (
            _escape(name) + arrow,
            _number(figure.value),
            interval,
            _number(figure.chance),
            f"{figure.n:,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for name, told in notes.items():
        listed = ", ".join(f"{_escape(note(what))}: {number:,}" for what, number in told.items())
        lines += ["", f"{_escape(name)}: {listed}."]
    for name in plots:
        lines += ["", f"![{name}]({name}.svg)"]
    return "\n".join([*lines, ""])


def note(what: str) -> str:
    """Return what a count of a note counts, in words: `left_out_no_name` as "left out (no name)"."""
    reason = what.removeprefix("left_out_")
    words = reason.replace("_", " ")
    return words if reason == what else f"left out ({words})"


def terminal_table(found: Mapping[str, Figure]) -> list[str]:
    """Return the figures as aligned lines, chance beside each; names may come from data."""
    rows: list[tuple[str, ...]] = [("figure", "value", "95 % interval", "chance", "n")]
    for name, figure in found.items():
        shown = _printable(name) + (" (lower is better)" if figure.lower_is_better else "")
        interval = _interval(figure.low, figure.high)
        rows.append((shown, _number(figure.value), interval, _number(figure.chance), f"{figure.n:,}"))
    return _aligned(rows)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the main figures of a comparison as aligned lines, and how many there are beside them."""
    rows: list[tuple[str, ...]] = [
        ("figure", "a", "b", "b - a", "95 % interval", "McNemar p", "chance", "better")
    ]
    main = set(comparison.main)
    for row in (row for row in comparison.rows if row.name in main):
        shown = _printable(row.name) + (" (lower is better)" if row.lower_is_better else "")
        numbers = [_number(value) for value in (row.a, row.b, row.difference)]
        tail = [_interval(row.low, row.high), _number(row.p_value), _number(row.chance), row.better]
        rows.append((shown, *numbers, *tail))
    alone = [(len(comparison.only_a), "a"), (len(comparison.only_b), "b")]
    told = [f"{len(rows) - 1} of {len(comparison.rows)} figures that both have"]
    told += [f"{number} in {who} alone" for number, who in alone if number]
    return [*(_aligned(rows) if len(rows) > 1 else []), f"{', '.join(told)}; comparison.md lists all"]


def comparison_table(a: str, b: str, comparison: Comparison) -> str:
    """Return a comparison as Markdown; the better one is named where the interval leaves out 0."""
    lines = [
        f"# a: {_escape(a)}, b: {_escape(b)}",
        "",
        "| figure | a | b | b - a | 95 % interval | McNemar p | chance | better |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in comparison.rows:
        arrow = " (lower is better)" if row.lower_is_better else ""
        numbers = [_number(value) for value in (row.a, row.b, row.difference)]
        tail = [_interval(row.low, row.high), _number(row.p_value), _number(row.chance), row.better]
        lines.append(f"| {' | '.join([_escape(row.name) + arrow, *numbers, *tail])} |")
    for who, names in (("a", comparison.only_a), ("b", comparison.only_b)):
        if names:
            lines += ["", f"Only in {who}: {', '.join(_escape(name) for name in names)}."]
    return "\n".join([*lines, ""])


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines, the first column on the left and numbers on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _escape(text: str) -> str:
    """Return a name, which may come from data, on one line and without a meaning in Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", _printable(text))


def _printable(text: str) -> str:
    line = " ".join(text.split())
    return "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in line)
