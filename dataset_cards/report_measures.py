"""The report's section of distributions, and the counts that they are drawn from."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataset_cards.report_histogram import Distribution, histogram
from dataset_cards.report_text import escape

_MOST_LANGUAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How often each value stands in the index; bounded by the number of different values.

    Sides are in px as stored; `megapixels` are rounded to 0.01, `aspect` is width by height, rounded so too.
    """

    caption_chars: Counter[float] = field(default_factory=Counter)
    caption_words: Counter[float] = field(default_factory=Counter)
    alt_words: Counter[float] = field(default_factory=Counter)
    side: Counter[float] = field(default_factory=Counter)
    megapixels: Counter[float] = field(default_factory=Counter)
    aspect: Counter[float] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row of the index: caption, words, width, height and language."""
        self.caption_chars[len(row["caption"])] += 1
        self.caption_words[len(row["caption"].split())] += 1
        self.alt_words[row["words"]] += 1
        self.side[min(row["width"], row["height"])] += 1
        self.megapixels[round(row["width"] * row["height"] / 1e6, 2)] += 1
        self.aspect[round(row["width"] / max(1, row["height"]), 2)] += 1
        self.languages[row["language"] or "unknown"] += 1


def score_counts(views: Sequence[Mapping[str, Any]]) -> dict[str, Counter[float]]:
    """Return how often each score, rounded to three digits, stands in the views, and those of regions."""
    counted: dict[str, Counter[float]] = {}
    for view in views:
        regions = [("regions", region["score"]) for region in view.get("regions", ())]
        for name, score in [*view.get("scores", {}).items(), *regions]:
            if score is not None:
                counted.setdefault(name, Counter())[round(score, 3)] += 1
    return dict(sorted(counted.items()))


def distributions(
    measures: Measures,
    scores: Mapping[str, Counter[float]],
    other: Measures | None = None,
    names: tuple[str, str] = ("", ""),
) -> Iterator[str]:
    """Yield the lines of the section; with another run, its values are outlines over the bars."""
    if not measures.side:
        return
    yield '<section id="distributions" aria-labelledby="distributions-title">'
    yield '<h2 id="distributions-title">Distributions</h2>'
    yield '<p class="note">Over all published samples; scores over those in the gallery.</p>'
    yield '<div class="charts">'
    here, there = names
    for title, unit, step in _CHARTS:
        chart = Distribution(
            title=title,
            unit=unit,
            counts=_series(measures, title),
            name=here,
            other=None if other is None else _series(other, title),
            other_name=there,
            step=step,
        )
        yield from histogram(chart)
    for name, counts in scores.items():
        yield from histogram(Distribution(title=f"Score: {name}", unit="", counts=counts, step=0.001))
    yield "</div>"
    yield from _languages(measures.languages)
    yield "</section>"


_CHARTS = (
    ("Words of the alt text", " words", 1.0),
    ("Words of the caption", " words", 1.0),
    ("Characters of the caption", " characters", 1.0),
    ("Shorter side", " px", 1.0),
    ("Resolution", " megapixels", 0.01),
    ("Width by height", "", 0.01),
)


def _series(measures: Measures, title: str) -> Counter[float]:
    return {
        "Words of the alt text": measures.alt_words,
        "Words of the caption": measures.caption_words,
        "Characters of the caption": measures.caption_chars,
        "Shorter side": measures.side,
        "Resolution": measures.megapixels,
        "Width by height": measures.aspect,
    }[title]


def _languages(languages: Counter[str]) -> Iterator[str]:
    whole = sum(languages.values())
    rows = sorted(languages.items(), key=lambda row: (-row[1], row[0]))
    shown = [f"{escape(name)} {number:,} ({number / whole:.1%})" for name, number in rows[:_MOST_LANGUAGES]]
    more = len(rows) - _MOST_LANGUAGES
    rest = f" and {more:,} more" if more > 0 else ""
    yield f"<p>Languages of the alt text: {', '.join(shown)}{rest}.</p>"
