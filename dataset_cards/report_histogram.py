"""Distributions as inline SVG, from counts of values."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dataset_cards.report_text import escape, figure

Counts = Mapping[float, int]
"""How often each value was seen."""

_WIDTH, _HEIGHT = 320, 120
_BASE = 100
"""The y of the axis; below it are its numbers."""
_TOP = 6
_BINS = 20
_TAIL = 0.005
"""Share of the values on either side that may fall into the outer bins together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One chart: a series, and for comparison perhaps a second that is drawn as an outline.

    `other` is None where no second run is compared, and empty where it has no such values. `step` is the
    finest bin: 1 for whole numbers.
    """

    title: str
    unit: str
    counts: Counts
    name: str = ""
    other: Counts | None = None
    other_name: str = ""
    step: float = 1.0


def quantile(counts: Counts, share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed.

    >>> quantile({1: 1, 2: 2, 9: 1}, 0.5), quantile({1: 1, 2: 2, 9: 1}, 1.0)
    (2, 9)
    """
    wanted = share * sum(counts.values())
    seen = 0
    for value, number in sorted(counts.items()):
        seen += number
        if seen >= wanted:
            return value
    return math.nan


def bin_edges(low: float, high: float, step: float = 1.0) -> list[float]:
    """Return edges at round numbers that hold both values: bin k is edge k <= value < edge k + 1.

    Widths are 1, 2 or 5 times a power of ten, and at least `step`; there are about 20 bins.

    >>> bin_edges(3, 12)[:3], bin_edges(0.1, 0.9, 0.001)[:2]
    ([3, 4, 5], [0.1, 0.15])
    """
    width = max(step, (high - low) / _BINS)
    power = 10.0 ** math.floor(math.log10(width))
    width = next(m * power for m in (1, 2, 5, 10) if m * power >= width * (1 - 1e-9))
    first, last = math.floor(low / width + 1e-9), math.floor(high / width + 1e-9) + 1
    edges = [round(number * width, 10) for number in range(first, last + 1)]
    return [int(edge) if edge == int(edge) else edge for edge in edges]


def fill_bins(counts: Counts, edges: Sequence[float]) -> list[int]:
    """Return how many values fall into each bin; those outside fall into the outer ones."""
    bins = [0] * (len(edges) - 1)
    width = edges[1] - edges[0]
    for value, number in counts.items():
        place = math.floor((value - edges[0]) / width + 1e-9)
        bins[min(max(place, 0), len(bins) - 1)] += number
    return bins


def histogram(chart: Distribution) -> Iterator[str]:
    """Yield the lines of a figure: bars, the median, figures in words and the numbers as a table."""
    if not chart.counts:
        return
    together = Counter(dict(chart.counts)) + Counter(dict(chart.other or {}))
    low, high = quantile(together, _TAIL), quantile(together, 1 - _TAIL)
    edges = bin_edges(low, high, chart.step)
    ours = _shares(chart.counts, edges)
    theirs = _shares(chart.other, edges) if chart.other else None
    yield '<figure class="chart">'
    yield f"<figcaption><b>{escape(chart.title)}</b>"
    yield f"{''.join(_legend(chart))}</figcaption>"
    yield from _svg(chart, edges, ours, theirs)
    yield from _table(chart, edges, theirs is not None)
    yield "</figure>"


def _shares(counts: Counts, edges: Sequence[float]) -> list[float]:
    bins = fill_bins(counts, edges)
    return [number / sum(bins) for number in bins]


def _summary(counts: Counts, unit: str) -> str:
    low, middle, high = (figure(quantile(counts, share)) for share in (0.05, 0.5, 0.95))
    return f"median {middle}{unit}, 90% from {low} to {high}"


def _legend(chart: Distribution) -> Iterator[str]:
    ours = escape(_summary(chart.counts, chart.unit))
    if chart.other is None:
        yield f"<span>{ours}</span>"
        return
    yield f'<span><i class="swatch fill"></i>{escape(chart.name)}: {ours}</span>'
    theirs = escape(_summary(chart.other, chart.unit)) if chart.other else "none"
    yield f'<span><i class="swatch line"></i>{escape(chart.other_name)}: {theirs}</span>'


def _svg(
    chart: Distribution, edges: Sequence[float], ours: Sequence[float], theirs: Sequence[float] | None
) -> Iterator[str]:
    most = max(*ours, *(theirs or ()), 1e-9)
    wide = _WIDTH / len(ours)
    label = f"Histogram of {chart.title}: {_summary(chart.counts, chart.unit)}"
    yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">'
    for place, (share, number) in enumerate(zip(ours, fill_bins(chart.counts, edges), strict=True)):
        high = (_BASE - _TOP) * share / most
        yield (
            f'<rect class="bar" x="{place * wide + 0.5:.2f}" y="{_BASE - high:.2f}" '
            f'width="{max(0.5, wide - 1):.2f}" height="{high:.2f}"><title>'
            f"{_range(edges, place)}{escape(chart.unit)}: {number:,} ({share:.1%})</title></rect>"
        )
    if theirs:
        yield f'<path class="outline" d="{_outline(theirs, most, wide)}"/>'
    yield f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>'
    for place in sorted({0, (len(edges) - 1) // 2, len(edges) - 1}):
        anchor = "start" if place == 0 else "end" if place == len(edges) - 1 else "middle"
        at = f'x="{place * wide:.2f}" y="{_HEIGHT - 5}" text-anchor="{anchor}"'
        yield f"<text {at}>{figure(edges[place], ',.6g')}</text>"
    yield "</svg>"


def _outline(shares: Sequence[float], most: float, wide: float) -> str:
    tops = [_BASE - (_BASE - _TOP) * share / most for share in shares]
    steps = " ".join(f"V{top:.2f}H{(place + 1) * wide:.2f}" for place, top in enumerate(tops))
    return f"M0 {_BASE}{steps}V{_BASE}"


def _range(edges: Sequence[float], place: int) -> str:
    return f"{figure(edges[place], ',.6g')} to under {figure(edges[place + 1], ',.6g')}"


def _table(chart: Distribution, edges: Sequence[float], compared: bool) -> Iterator[str]:
    rows = [fill_bins(chart.counts, edges)]
    names = [chart.name or "samples"]
    if compared and chart.other:
        rows.append(fill_bins(chart.other, edges))
        names.append(chart.other_name)
    yield "<details><summary>Numbers</summary><table><thead><tr>"
    yield f'<th scope="col">{escape(chart.unit.strip() or "value")}</th>'
    yield "".join(f'<th scope="col">{escape(name)}</th>' for name in names) + "</tr></thead><tbody>"
    for place in range(len(edges) - 1):
        cells = "".join(f"<td>{bins[place]:,}</td>" for bins in rows)
        yield f'<tr><th scope="row">{_range(edges, place)}</th>{cells}</tr>'
    yield "</tbody></table></details>"
