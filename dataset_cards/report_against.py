"""The report's section that compares a run with another one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_cards.report_funnel import losses
from dataset_cards.report_histogram import quantile
from dataset_cards.report_making import table
from dataset_cards.report_measures import Measures
from dataset_cards.report_text import escape
from schemas.annotation import FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Another run (there), and how its samples meet those of this one (here), by uid.

    `both` samples are in both runs; of these `records` have another KEY.json and `captions` another caption.
    """

    run: Mapping[str, Any]
    measures: Measures
    both: int
    only_here: int
    only_there: int
    records: int
    captions: int


def against_section(run: Mapping[str, Any], measures: Measures, other: Against) -> Iterator[str]:
    """Yield the lines of the section."""
    name = escape(other.run["name"])
    yield '<section id="against" aria-labelledby="against-title">'
    yield f'<h2 id="against-title">Against {name}</h2>'
    yield f'<p class="note">Here is {escape(run["name"])}, there is {name}; samples meet by their uid.</p>'
    yield '<ul class="facts">'
    for number, what, samples in (
        (other.both, "samples in both", ""),
        (other.captions, "with another caption", ""),
        (other.records, "with another record", "differs"),
        (other.only_here, "only here", "here"),
        (other.only_there, "only there", "there"),
    ):
        shown = f'<button type="button" class="reason" data-set="{samples}">show</button>' if samples else ""
        yield f"<li><b>{number:,}</b> {what} {shown if number else ''}</li>"
    yield "</ul>"
    yield '<div class="tables">'
    yield from _funnels(run, other.run)
    yield from _coverages(run, other.run)
    yield from _lengths(measures, other.measures)
    yield "</div></section>"


def _funnels(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = (_by_reason(run["counts"]) for run in (here, there))
    rows: list[tuple[object, ...]] = [("in", *_compared(here["counts"]["in"], there["counts"]["in"]))]
    order = list(dict.fromkeys([*ours, *theirs]))
    rows += [(key, *_compared(ours.get(key, 0), theirs.get(key, 0))) for key in order]
    rows.append(("published", *_compared(here["counts"]["published"], there["counts"]["published"])))
    yield from table(("", "here", "there", "difference"), rows, caption="What became of the samples")


def _by_reason(counts: Mapping[str, Any]) -> dict[str, int]:
    return {
        f"{kind} by {stage}: {reason}": number
        for stage, rows in losses(counts)
        for kind, reason, number in rows
    }


def _coverages(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    pairs = ((name, *(run["coverage"].get(name, 0) for run in (here, there))) for name in FIELDS)
    rows = [(name, *_compared(ours, theirs)) for name, ours, theirs in pairs if ours or theirs]
    if rows:
        yield from table(("field", "here", "there", "difference"), rows, caption="Samples with each field")


def _lengths(here: Measures, there: Measures) -> Iterator[str]:
    rows = []
    for title, ours, theirs in (
        ("caption, characters", here.caption_chars, there.caption_chars),
        ("caption, words", here.caption_words, there.caption_words),
        ("alt text, words", here.alt_words, there.alt_words),
        ("shorter side, px", here.side, there.side),
    ):
        cells = [f"{quantile(counts, share):,.4g}" if counts else "" for share in (0.05, 0.5, 0.95)
                 for counts in (ours, theirs)]  # fmt: skip
        rows.append((title, *cells))
    heads = ("", "5 % here", "there", "median here", "there", "95 % here", "there")
    yield from table(heads, rows, caption="Lengths and sizes")


def _compared(ours: int, theirs: int) -> tuple[int, int, str]:
    return ours, theirs, f"{ours - theirs:+,}" if ours != theirs else "0"
