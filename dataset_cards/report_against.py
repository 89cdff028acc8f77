"""The report's section that compares a run with another one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_cards.report_composition import compositions
from dataset_cards.report_funnel import losses, stage_order
from dataset_cards.report_histogram import Counts, quantile
from dataset_cards.report_making import table
from dataset_cards.report_measures import SCORES, Measures
from dataset_cards.report_text import escape, figure
from schemas.annotation import FIELDS

Row = tuple[object, ...]
_COMPARED = ("here", "there", "difference")


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
    yield from _texts(measures, other.measures)
    yield from _left_out(run, other.run)
    yield from _values(measures, other.measures)
    yield from compositions(run, other.run)
    yield "</div></section>"


def _funnels(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = (_by_reason(run["counts"]) for run in (here, there))
    order = sorted({*ours, *theirs}, key=lambda key: (stage_order(key[0]), -_most(ours, theirs, key), key))
    rows: list[Row] = [("in", *_compared(here["counts"]["in"], there["counts"]["in"]))]
    for key in order:
        stage, kind, reason = key
        name = f"{kind} by {stage}: {reason}"
        rows.append((name, *_compared(ours.get(key, 0), theirs.get(key, 0))))
    rows.append(("published", *_compared(here["counts"]["published"], there["counts"]["published"])))
    yield from table(("", *_COMPARED), rows, caption="What became of the samples")


def _by_reason(counts: Mapping[str, Any]) -> dict[tuple[str, str, str], int]:
    return {(stage, kind, reason): number for stage, rows in losses(counts) for kind, reason, number in rows}


def _most(ours: Mapping[Any, int], theirs: Mapping[Any, int], key: object) -> int:
    return max(ours.get(key, 0), theirs.get(key, 0))


def _coverages(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    pairs = ((name, *(run["coverage"].get(name, 0) for run in (here, there))) for name in FIELDS)
    rows = [(name, *_compared(ours, theirs)) for name, ours, theirs in pairs if ours or theirs]
    if rows:
        yield from table(("field", *_COMPARED), rows, caption="Samples with each field")


def _texts(here: Measures, there: Measures) -> Iterator[str]:
    pairs = [(name, here.texts[name], there.texts[name]) for name in FIELDS]
    rows = [(name, *_compared(ours, theirs)) for name, ours, theirs in pairs if ours or theirs]
    if rows:
        yield from table(("field", *_COMPARED), rows, caption="Texts of each field")


def _left_out(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    """Yield which texts the scores of each run left out; cells of a run without scores are empty."""
    sides = [None if not run.get("score") else _whys(run["score"]) for run in (here, there)]
    keys = sorted({key for side in sides if side for key in side})
    rows = [
        (f"{field}: {why}", *(None if side is None else side.get((field, why), 0) for side in sides))
        for field, why in keys
    ]
    if rows:
        yield from table(("", "here", "there"), rows, caption="Texts that the scores left out")


def _whys(score: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    left_out = score.get("texts_left_out", {})
    return {(field, why): number for field, whys in left_out.items() for why, number in whys.items()}


def _values(here: Measures, there: Measures) -> Iterator[str]:
    pairs: list[tuple[str, Counts, Counts]] = [
        ("caption, characters", here.caption_chars, there.caption_chars),
        ("caption, words", here.caption_words, there.caption_words),
        ("alt text, words", here.alt_words, there.alt_words),
        ("shorter side, px", here.side, there.side),
    ]
    pairs += [(name, here.scores.get(name, {}), there.scores.get(name, {})) for name in SCORES]
    heads = [f"{what} {side}" for what in ("5 %", "median", "95 %") for side in ("here", "there")]
    rows = [
        (title, *(_quantile(counts, share) for share in (0.05, 0.5, 0.95) for counts in (ours, theirs)))
        for title, ours, theirs in pairs
        if ours or theirs
    ]
    if rows:
        yield from table(("", *heads), rows, caption="Lengths, sizes and scores")


def _quantile(counts: Counts, share: float) -> str | None:
    return figure(quantile(counts, share)) if counts else None


def _compared(ours: int, theirs: int) -> tuple[int, int, str]:
    return ours, theirs, figure(ours - theirs, "+,") if ours != theirs else "0"
