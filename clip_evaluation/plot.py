"""Small line plots as SVG, written by hand.

Two plots of a few lines each do not warrant matplotlib, which would be the evaluator's largest dependency and
writes other bytes with each of its versions; an SVG is text, so that a rerun can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from clip_evaluation.calibration import Calibration
from clip_evaluation.retrieval import Direction

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 580, 320, 52, 34, 174, 46
# Okabe & Ito's colours, which most colour-blind readers tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b3a800")
_GREY = "#767676"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A named line through (x, y) points; dashed lines are for comparison, grey and without marks."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def reliability_plot(title: str, calibrations: dict[str, Calibration]) -> str:
    """Return a reliability diagram: accuracy against confidence, the diagonal is perfect."""
    lines = [Line(name="perfect", points=[(0, 0), (1, 1)], dashed=True)]
    lines += [
        Line(name=name, points=[(bin_.confidence, bin_.accuracy) for bin_ in result.reliability])
        for name, result in calibrations.items()
    ]
    return line_plot(title, "confidence", "accuracy", lines, x_ticks=[0, 0.25, 0.5, 0.75, 1])


def recall_plot(title: str, directions: dict[str, Direction]) -> str:
    """Return recall against k, with the chance level of each direction dashed."""
    lines = []
    for name, direction in directions.items():
        lines.append(Line(name=name, points=[(k, figure.value) for k, figure in direction.recall.items()]))
        chance = [(k, f.chance) for k, f in direction.recall.items() if f.chance is not None]
        lines.append(Line(name=f"{name}, chance", points=chance, dashed=True))
    ticks = sorted({k for direction in directions.values() for k in direction.recall})
    return line_plot(title, "k", "recall", lines, x_ticks=[float(k) for k in ticks])


def severity_plot(title: str, accuracies: Mapping[str, Sequence[float]], *, chance: float) -> str:
    """Return accuracy against severity, from 0 (clean), by corruption, with the chance level dashed."""
    lines = [Line(name=kind, points=list(enumerate(values))) for kind, values in accuracies.items()]
    last = max(len(values) for values in accuracies.values()) - 1
    lines.append(Line(name="chance", points=[(0, chance), (last, chance)], dashed=True))
    ticks = [float(severity) for severity in range(last + 1)]
    return line_plot(title, "severity", "accuracy", lines, x_ticks=ticks)


def line_plot(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], *, x_ticks: Sequence[float]
) -> str:
    """Return an SVG of lines over `x_ticks` (increasing), with y from 0 to 1.

    Raises:
        ValueError: there is no tick to set the scale by.
    """
    if not x_ticks:
        raise ValueError("a plot needs ticks on its x axis")
    first, last = min(x_ticks), max(x_ticks)
    span = (last - first) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - first) / span * (_WIDTH - _LEFT - _RIGHT)
        return round(across, 1), round(_HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM), 1)

    across = (_LEFT + _WIDTH - _RIGHT) / 2
    bottom, middle = _HEIGHT - _BOTTOM, (_TOP + _HEIGHT - _BOTTOM) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(across, 18, title, "middle"),
        _text(across, _HEIGHT - 6, x_label, "middle"),
        f'<g transform="rotate(-90 14 {middle:g})">{_text(14, middle, y_label, "middle")}</g>',
    ]
    for y in (0.0, 0.25, 0.5, 0.75, 1.0):
        (x0, height), (x1, _) = place(first, y), place(first + span, y)
        parts.append(f'<path d="M{x0:g} {height:g}H{x1:g}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, height + 4, f"{y:g}", "end"))
    parts += [_text(place(x, 0)[0], bottom + 16, f"{x:g}", "middle") for x in x_ticks]
    colours = iter(_COLOURS * (1 + len(lines) // len(_COLOURS)))
    for number, line in enumerate(lines):
        colour = _GREY if line.dashed else next(colours)
        parts += _line(line, colour, [place(*point) for point in line.points])
        # Beside the lines, which may lie anywhere.
        parts.append(_text(_WIDTH - _RIGHT + 12, _TOP + 4 + 16 * number, line.name, "start", colour))
    return "\n".join([*parts, "</svg>", ""])


def _line(line: Line, colour: str, places: Sequence[tuple[float, float]]) -> list[str]:
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    dashes = ' stroke-dasharray="4 3"' if line.dashed else ""
    drawn = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>']
    if not line.dashed:
        drawn += [f'<circle cx="{x:g}" cy="{y:g}" r="2.5" fill="{colour}"/>' for x, y in places]
    return drawn


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
