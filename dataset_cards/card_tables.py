"""The card's tables of what is in index.parquet: texts, words, languages, pictures, scores, and some rows."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards.card_figures import ROW_CHARS, Figures, quantile
from dataset_cards.card_words import WORDS
from dataset_cards.markdown import cut, escape_markdown, table

MOST_LANGUAGES = 20
SIDES = (0, 256, 512, 1024, 2048)
"""Lower bounds of the classes of resolution, of the shorter side in px."""
_HEADS = ("", "5 %:", "median:", "95 %:", "largest:")


def texts(figures: Figures) -> Iterator[str]:
    """Yield the section on how long the texts are and how rich their words."""
    yield "## Length and vocabulary of the texts"
    yield ""
    names = [f"{unit} of the {text}" for text in ("alt text", "caption") for unit in ("words", "characters")]
    yield from table(_HEADS, (_distribution(name, figures.numbers[name]) for name in names))
    tokens = figures.numbers["tokens of the caption"]
    yield (
        f"A caption has about {quantile(tokens, 0.5):,.0f} CLIP tokens in the median and "
        f"{max(tokens):,.0f} at most, start and end included, as estimated over {len(figures.read):,} "
        "samples: rather too many than too few."
    )
    yield ""
    heads = (
        "",
        "samples read:",
        "words:",
        "distinct words:",
        f"distinct among {WORDS:,}:",
        "type-token ratio:",
    )
    both = (("alt text", figures.alt_words), ("caption", figures.caption_words))
    yield from table(heads, ((name, *_richness(len(words.texts), *words.richness())) for name, words in both))
    yield (
        f"Samples are drawn from all over the set. The type-token ratio is over {WORDS:,} words, or all "
        "where there are fewer; it falls with their number, so compare only the same."
    )
    yield ""


def _richness(texts_read: int, number: int, distinct: int, early: int) -> tuple[str, ...]:
    ratio = f"{early / min(number, WORDS):.3f}" if number else ""
    return (f"{texts_read:,}", f"{number:,}", f"{distinct:,}", f"{early:,}", ratio)


def _distribution(name: str, counts: Mapping[float, int], digits: int = 0) -> tuple[str, ...]:
    values = [quantile(counts, share) for share in (0.05, 0.5, 0.95)]
    return (name, *(f"{value:,.{digits}f}" for value in (*values, max(counts))))


def languages(figures: Figures) -> Iterator[str]:
    """Yield the section on the languages of the alt texts."""
    yield "## Languages of the alt texts"
    yield ""
    rows = sorted(figures.languages.items(), key=lambda found: (-found[1], found[0]))
    shown = [
        (escape_markdown(name), f"{number:,}", _share(number, figures))
        for name, number in rows[:MOST_LANGUAGES]
    ]
    if rest := sum(number for _, number in rows[MOST_LANGUAGES:]):
        shown.append((f"{len(rows) - MOST_LANGUAGES:,} others", f"{rest:,}", _share(rest, figures)))
    yield from table(("language", "samples:", "share:"), shown)
    yield "By fastText's lid.176, which is often wrong on a few words."
    yield ""


def pictures(figures: Figures) -> Iterator[str]:
    """Yield the section on the pictures' sizes and formats."""
    yield "## Resolution of the pictures"
    yield ""
    names = ("width", "height", "shorter side")
    yield from table(_HEADS, (_distribution(f"{name}, px", figures.numbers[name]) for name in names))
    yield from table(("shorter side, px", "samples:", "share:"), _classes(figures))
    formats = (f"{escape_markdown(name)} {number:,}" for name, number in sorted(figures.formats.items()))
    yield f"Formats: {', '.join(formats)}. The bytes are those of the input."
    yield ""


def _classes(figures: Figures) -> Iterator[tuple[str, ...]]:
    sides = figures.numbers["shorter side"]
    for low, high in zip(SIDES, (*SIDES[1:], None), strict=True):
        number = sum(n for side, n in sides.items() if low <= side and (high is None or side < high))
        name = f"{low:,} or more" if high is None else f"{low:,} to {high - 1:,}" if low else f"under {high}"
        yield name, f"{number:,}", _share(number, figures)


def scores(figures: Figures) -> Iterator[str]:
    """Yield the section on the scores of the published samples; nothing where none has one."""
    named = {"clip_alt": "alt text", "clip_caption": "caption"}
    there = {name: counts for name, text in named.items() if (counts := figures.numbers.get(name))}
    if not there:
        return
    yield "## Scores"
    yield ""
    rows = (
        (f"`{name}`", named[name], f"{sum(counts.values()):,}", *_distribution(name, counts, digits=3)[1:])
        for name, counts in there.items()
    )
    yield from table(("score", "cosine of the picture and the", "samples:", *_HEADS[1:]), rows)


def sample_rows(figures: Figures) -> Iterator[str]:
    """Yield the section that shows some samples, their texts as text."""
    yield "## Some samples"
    yield ""
    rows = (
        (
            escape_markdown(row.key),
            escape_markdown(row.size),
            *(
                escape_markdown(cut(" ".join(text.split()), ROW_CHARS))
                for text in (row.alt_text, row.caption)
            ),
        )
        for row in figures.rows
    )
    yield from table(("key", "px", "alt text", "caption"), rows)
    yield "One by lot from each of as many equal stretches of the set."
    yield ""


def _share(number: int, figures: Figures) -> str:
    return f"{number / figures.samples:.1%}"


def composition(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections on the values of the samples' own JSON that `card.composition` names."""
    for name, counted in run.get("composition", {}).items():
        rest = [("*another value*", counted["others"]), ("*none*", counted["missing"])]
        rows = [(escape_markdown(value), number) for value, number in counted["values"].items()]
        rows += [(what, number) for what, number in rest if number]
        whole = sum(number for _, number in rows)
        yield f"## Samples by {escape_markdown(name)} in the source"
        yield ""
        shown = [(value, f"{number:,}", f"{number / whole:.1%}") for value, number in rows]
        yield from table(("value", "samples:", "share:"), shown)
