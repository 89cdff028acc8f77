"""Plots of the closed loop as SVG, written by hand: figures by arm, and loss curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe & Ito's, which most colour-blind readers tell apart."""

_ROW, _PANEL, _GAP, _TITLES, _TOP = 26, 150, 18, 210, 44
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BASE = 760, 330, 52, 230, 286


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One figure: for each arm its values by seed, and the chance level."""

    title: str
    chance: float | None
    values: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A named line through (x, y) points."""

    name: str
    points: Sequence[tuple[float, float]]


def dot_plot(title: str, arms: Sequence[str], panels: Sequence[Panel]) -> str:
    """Return an SVG with a panel a figure, from 0 to 1: a dot a seed, a bar at their mean, chance dashed."""
    width = _TITLES + len(panels) * (_PANEL + _GAP)
    bottom = _TOP + _ROW * len(arms)
    parts = _opened(width, bottom + 26, title)
    for row, name in enumerate(arms):
        parts.append(_text(_TITLES - 12, _TOP + _ROW * (row + 0.5) + 4, name, "end", _colour(row)))
    for number, panel in enumerate(panels):
        left = _TITLES + number * (_PANEL + _GAP)
        parts.append(_text(left + _PANEL / 2, _TOP - 8, panel.title, "middle"))
        for share in (0.0, 0.5, 1.0):
            x = left + share * _PANEL
            parts.append(f'<path d="M{x:g} {_TOP}V{bottom}" stroke="#ddd"/>')
            parts.append(_text(x, bottom + 16, f"{share:g}", "middle"))
        if panel.chance is not None:
            x = round(left + panel.chance * _PANEL, 1)
            parts.append(f'<path d="M{x:g} {_TOP}V{bottom}" stroke="#666" stroke-dasharray="4 3"/>')
        for row, values in enumerate(panel.values):
            parts += _dots(left, _TOP + _ROW * (row + 0.5), values, _colour(row))
    return "\n".join([*parts, "</svg>", ""])


def curve_plot(title: str, x_label: str, y_label: str, level: float, curves: Sequence[Curve]) -> str:
    """Return an SVG of curves with y from 0, a dashed line at `level`, and names on the right."""
    last = max(x for curve in curves for x, _ in curve.points)
    top_y = 1.05 * max(level, *(y for curve in curves for _, y in curve.points))

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + x / last * (_WIDTH - _LEFT - _RIGHT)
        return round(across, 1), round(_BASE - y / top_y * (_BASE - _TOP), 1)

    parts = _opened(_WIDTH, _HEIGHT, title)
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_label, "middle"))
    middle = (_TOP + _BASE) / 2
    parts.append(f'<g transform="rotate(-90 14 {middle:g})">{_text(14, middle, y_label, "middle")}</g>')
    for y in range(int(top_y) + 1):
        height = place(0, y)[1]
        parts.append(f'<path d="M{_LEFT} {height:g}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, height + 4, str(y), "end"))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(place(share * last, 0)[0], _BASE + 16, f"{share * last:,.0f}", "middle"))
    height = place(0, level)[1]
    parts.append(f'<path d="M{_LEFT} {height:g}H{_WIDTH - _RIGHT}" stroke="#666" stroke-dasharray="4 3"/>')
    parts.append(_text(_WIDTH - _RIGHT + 8, height + 4, f"chance, {level:.2f}", "start"))
    for number, curve in enumerate(curves):
        path = " ".join(f"{x:g},{y:g}" for x, y in (place(*point) for point in curve.points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_colour(number)}" stroke-width="1.5"/>')
        parts.append(
            _text(_WIDTH - _RIGHT + 8, height + 30 + 16 * number, curve.name, "start", _colour(number))
        )
    return "\n".join([*parts, "</svg>", ""])


def _dots(left: float, y: float, values: Sequence[float], colour: str) -> list[str]:
    places = [round(left + value * _PANEL, 1) for value in values]
    mean = round(sum(places) / len(places), 1)
    bar = f'<path d="M{mean:g} {y - 8:g}V{y + 8:g}" stroke="{colour}" stroke-width="2"/>'
    return [
        bar,
        *(f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{colour}" fill-opacity="0.7"/>' for x in places),
    ]


def _opened(width: float, height: float, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
        _text(width / 2, 18, title, "middle"),
    ]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
