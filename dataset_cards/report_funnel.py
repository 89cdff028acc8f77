"""The report's section on what became of every sample, drawn as bars that carry their numbers as text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataset_cards.report_text import escape
from schemas.reasons import REASONS

STAGES = ("read", "decode", "profile", "dedup", "annotate", "score", "publish")
"""In the order in which a sample meets them; stages of other names come last."""
_QUOTED = re.compile("`([^`]*)`")


def losses(counts: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Return [(stage, [(kind, reason, samples)])] in the order of the stages, most samples first.

    Args:
        counts: of run.json: in, published, dropped {stage {reason n}}, failed {stage {reason n}}.
    """
    stages: dict[str, list[tuple[str, str, int]]] = {}
    for kind in ("dropped", "failed"):
        for stage, reasons in counts[kind].items():
            stages.setdefault(stage, []).extend((kind, reason, number) for reason, number in reasons.items())
    ordered = sorted(stages, key=stage_order)
    return [(name, sorted(stages[name], key=lambda row: (-row[2], row[1], row[0]))) for name in ordered]


def stage_order(name: str) -> tuple[int, str]:
    """Return a key to sort stages by."""
    return (STAGES.index(name) if name in STAGES else len(STAGES)), name


def reason_meaning(reason: str, filters: Sequence[Mapping[str, Any]]) -> str:
    """Return what a reason means; for a filter's, its settings.

    >>> reason_meaning("words", [{"kind": "words", "min": 3.0, "max": None}])
    'filter, min 3'
    """
    if reason in REASONS:
        return REASONS[reason]
    for settings in filters:
        if settings.get("kind") == reason:
            values = [
                (name, value) for name, value in settings.items() if name != "kind" and value is not None
            ]
            return ", ".join(["filter", *(f"{name} {_setting(value)}" for name, value in values)])
    return ""


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return "/".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def funnel(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the section."""
    counts = run["counts"]
    entered, left = counts["in"], counts["in"]
    yield '<section id="funnel" aria-labelledby="funnel-title">'
    yield '<h2 id="funnel-title">From input to published</h2>'
    yield '<ol class="funnel">'
    yield from _step("In", f"{entered:,}", "", left=left, lost=0, whole=entered, style="end")
    for stage, rows in losses(counts):
        lost = sum(number for _, _, number in rows)
        left -= lost
        told = f"{_share(lost, entered)} of the input"
        yield from _step(stage, f"&minus;{lost:,}", told, left=left, lost=lost, whole=entered, style="stage")
        yield from _reasons(stage, rows, run["config"].get("profile", {}).get("filters", ()))
        yield "</li>"
    published = counts["published"]
    told = f"{_share(published, entered)} of the input"
    yield from _step("Published", f"{published:,}", told, left=published, lost=0, whole=entered, style="end")
    yield "</ol>"
    yield (
        '<p class="note">One unit of the input is a sample as its members group, whole or not. Choose a '
        "reason to see its pictures. Every sample that was not published is a row of <code>rejected/</code>."
        "</p></section>"
    )


def _step(
    name: str, number: str, told: str, *, left: int, lost: int, whole: int, style: str
) -> Iterator[str]:
    yield f'<li class="{style}"><div class="step"><b>{escape(name)}</b><span>{number}</span>'
    yield f"<small>{told}</small>"
    kept, gone = (100 * part / whole if whole else 0.0 for part in (left, lost))
    yield (
        '<svg class="flow" aria-hidden="true" focusable="false" width="100%" height="12">'
        f'<rect class="kept" width="{kept:.3f}%" height="12"/>'
        f'<rect class="gone" x="{kept:.3f}%" width="{gone:.3f}%" height="12"/></svg></div>'
    )
    if style == "end":
        yield "</li>"


def _reasons(
    stage: str, rows: Sequence[tuple[str, str, int]], filters: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    yield '<ul class="reasons">'
    for kind, reason, number in rows:
        meaning = _QUOTED.sub(r"<code>\1</code>", escape(reason_meaning(reason, filters)))
        failed = " <em>failed</em>" if kind == "failed" else ""
        yield (
            f'<li><span class="n">{number:,}</span><button type="button" class="reason" '
            f'data-reason="{escape(stage)}/{escape(reason)}">{escape(reason)}</button>{failed} '
            f"<small>{meaning}</small></li>"
        )
    yield "</ul>"


def _share(number: int, whole: int) -> str:
    return f"{number / whole:.1%}" if whole else "0%"
