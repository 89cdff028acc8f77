"""The report's section of distributions, and the counts that they are drawn from."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataset_cards.report_histogram import Distribution, histogram
from dataset_cards.report_scores import scores_of_texts
from dataset_cards.report_text import escape
from schemas.annotation import FIELDS, is_list_field

SCORES = ("clip_alt", "clip_caption")
"""Scores that the index has of every sample."""
LISTED = tuple(
    name for name in FIELDS if is_list_field(name) and name not in ("long_negative", "short_negative")
)
"""Fields whose texts the index counts, as `n_FIELD`."""
_MOST_LANGUAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How often each value stands in the index; bounded by the number of different values.

    Sides are in px as stored; `megapixels` are rounded to 0.001, under 0.1 to three digits; `aspect` is width
    by height, rounded to 0.01. `scores` are by name, rounded to 0.001; `texts` is how many texts each field
    that holds a list has in all.
    """

    caption_chars: Counter[float] = field(default_factory=Counter)
    caption_words: Counter[float] = field(default_factory=Counter)
    alt_words: Counter[float] = field(default_factory=Counter)
    side: Counter[float] = field(default_factory=Counter)
    megapixels: Counter[float] = field(default_factory=Counter)
    aspect: Counter[float] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    scores: dict[str, Counter[float]] = field(default_factory=dict)
    texts: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row of the index: caption, words, width, height and language, `SCORES` and `n_FIELD`."""
        self.caption_chars[len(row["caption"])] += 1
        self.caption_words[len(row["caption"].split())] += 1
        self.alt_words[row["words"]] += 1
        self.side[min(row["width"], row["height"])] += 1
        self.megapixels[_megapixels(row["width"] * row["height"])] += 1
        self.aspect[round(row["width"] / max(1, row["height"]), 2)] += 1
        self.languages[row["language"] or "unknown"] += 1
        for name in SCORES:
            if (score := row.get(name)) is not None and math.isfinite(score):
                self.scores.setdefault(name, Counter())[round(score, 3)] += 1
        for name in LISTED:
            self.texts[name] += row.get(f"n_{name}") or 0


def _megapixels(pixels: int) -> float:
    return round(pixels / 1e6, 3) if pixels >= 1e5 else float(f"{pixels / 1e6:.3g}")


def score_counts(views: Sequence[Mapping[str, Any]]) -> dict[str, Counter[float]]:
    """Return how often each score, rounded to three digits, stands in the views.

    Those of single texts and of regions are among them: a view has as many as it has of these.
    """
    counted: dict[str, Counter[float]] = {}
    for view in views:
        regions = [("regions", region["score"]) for region in view.get("regions", ())]
        for name, score in [*view.get("scores", {}).items(), *scores_of_texts(view), *regions]:
            if score is not None:
                counted.setdefault(name, Counter())[round(score, 3)] += 1
    return dict(sorted(counted.items()))


def distributions(
    measures: Measures,
    scores: Mapping[str, Counter[float]],
    other: Measures | None = None,
    names: tuple[str, str] = ("", ""),
    tables: Iterable[str] = (),
) -> Iterator[str]:
    """Yield the lines of the section; with another run, its values are outlines over the bars.

    Args:
        measures: of all published samples.
        scores: of the samples in the gallery, by name: shown where the index has none of this name.
        other: of the other run.
        names: of this run and of the other.
        tables: lines of what else is counted.
    """
    if not measures.side:
        return
    yield '<section id="distributions" aria-labelledby="distributions-title">'
    yield '<h2 id="distributions-title">Distributions</h2>'
    yield '<p class="note">Over all published samples, where nothing else is said.</p>'
    yield '<div class="charts">'
    here, there = names
    theirs = _series(other) if other else {}
    for title, (unit, step, counts) in _series(measures).items():
        chart = Distribution(
            title=title,
            unit=unit,
            counts=counts,
            name=here,
            other=theirs[title][2] if theirs else None,
            other_name=there,
            step=step,
        )
        yield from histogram(chart)
    for name, counts in scores.items():
        if name not in SCORES:
            title = f"Score: {name} (samples of the gallery)"
            yield from histogram(Distribution(title=title, unit="", counts=counts, step=0.001))
    yield "</div>"
    yield from _languages(measures.languages)
    yield '<div class="tables">'
    yield from tables
    yield "</div></section>"


def _series(measures: Measures) -> dict[str, tuple[str, float, Counter[float]]]:
    """Return unit, finest bin and counts of each chart, by its title."""
    return {
        "Words of the alt text": (" words", 1.0, measures.alt_words),
        "Words of the caption": (" words", 1.0, measures.caption_words),
        "Characters of the caption": (" characters", 1.0, measures.caption_chars),
        "Shorter side": (" px", 1.0, measures.side),
        "Resolution": (" megapixels", 0.0001, measures.megapixels),
        "Width by height": ("", 0.01, measures.aspect),
        **{f"Score: {name}": ("", 0.001, measures.scores.get(name, Counter())) for name in SCORES},
    }


def _languages(languages: Counter[str]) -> Iterator[str]:
    whole = sum(languages.values())
    rows = sorted(languages.items(), key=lambda row: (-row[1], row[0]))
    shown = [f"{escape(name)} {number:,} ({number / whole:.1%})" for name, number in rows[:_MOST_LANGUAGES]]
    more = len(rows) - _MOST_LANGUAGES
    rest = f" and {more:,} more" if more > 0 else ""
    yield f"<p>Languages of the alt text: {', '.join(shown)}{rest}.</p>"
