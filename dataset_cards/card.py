"""The README.md of a published set: a Hugging Face dataset card from run.json and index.parquet alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards import card_making, card_tables
from dataset_cards.card_beside import beside
from dataset_cards.card_features import member_ending
from dataset_cards.card_figures import Figures
from dataset_cards.card_front import front_matter
from dataset_cards.card_using import citing, limits_section, loading, provenance
from dataset_cards.markdown import escape_markdown, table
from dataset_cards.report_funnel import losses, reason_meaning
from dataset_cards.spending import texts_left_out, tokens_and_cost
from schemas.annotation import FIELDS

_FIELDS = {
    "alt_text": "the text that came with the picture",
    "caption": "the text to train on, at most 77 CLIP tokens; also in `KEY.txt`",
    "long_positive": "sentences that describe the picture",
    "long_negative": "sentence k contradicts sentence k of `long_positive`; empty where it was left out",
    "short_positive": "tags that hold",
    "short_negative": "tags that do not hold",
    "rewrites": "the text in other words",
    "recaption": "one dense description of the picture",
    "fused": "alt text and description in one text, with the names of the alt text",
    "compressed": "a long text within 77 CLIP tokens",
    "english": "the picture in English",
    "chinese": "the same in Chinese, simplified characters",
    "phrases": "what is in the picture, in noun phrases",
    "descriptions": "by which features the main object is recognised",
    "regions": "phrases with boxes `[x0, y0, x1, y1]`, each from 0 to 1",
}


def dataset_card(run: Mapping[str, Any], figures: Figures) -> str:
    """Return the card of a run, from what a rerun repeats: no times, no paths.

    Args:
        run: as run.json has it: name, config, recipes [{name, version, source, prompt_sha256, worker,
            model}], counts {in, published, dropped, failed}, coverage {field: samples with it}, usage
            {recipes {name: {published, texts}}}, score {clip, texts_left_out} where texts were scored.
        figures: over all rows of index.parquet.
    """
    sections = [front_matter(run, figures), _about(run), _funnel(run)]
    if figures.samples:
        sections += [
            _fields(run, figures),
            card_tables.sample_rows(figures),
            card_tables.texts(figures),
            card_tables.languages(figures),
            card_tables.pictures(figures),
            card_tables.scores(figures),
            card_tables.composition(run),
        ]
    sections += [
        card_making.recipes(run),
        card_making.filters(run),
        card_making.duplicates(run),
        card_making.scoring(run),
        texts_left_out(run["usage"]),
        tokens_and_cost(run["usage"]),
        provenance(run),
        limits_section(run),
        loading(run, ";".join(map(member_ending, sorted(figures.formats)))),
        beside(run),
        citing(run),
    ]
    return "\n".join(line for section in sections for line in section)


def _about(run: Mapping[str, Any]) -> Iterator[str]:
    counts = run["counts"]
    yield f"# {escape_markdown(run['name'])}"
    yield ""
    yield (
        f"{_samples(counts['published'])} of a picture with its texts, curated with Pairwright from "
        f"{counts['in']:,} units of image-text shards (samples, and halves or torn ends where a shard was "
        "broken). The shards are in WebDataset's format: for each sample the picture as it came, `KEY.txt` "
        "with the text to train on, and `KEY.json` with all that is known of it."
    )
    yield ""


def _funnel(run: Mapping[str, Any]) -> Iterator[str]:
    yield "## What was kept and what was not"
    yield ""
    yield from table(("", "stage", "reason", "samples:", "left:"), _steps(run))
    yield "Every sample that was not published is a row of `rejected/` with its stage, reason and value."
    yield ""


def _steps(run: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    counts = run["counts"]
    asked = (run["config"].get("profile") or {}).get("filters", ())
    left = counts["in"]
    yield "in", "", "", f"{left:,}", f"{left:,}"
    for stage, rows in losses(counts):
        for kind, reason, number in rows:
            left -= number
            meaning = reason_meaning(reason, asked)
            told = f"{reason}: {meaning}" if meaning else reason
            yield kind, escape_markdown(stage), escape_markdown(told), f"{number:,}", f"{left:,}"
    yield "published", "", "", f"{counts['published']:,}", f"{counts['published']:,}"


def _fields(run: Mapping[str, Any], figures: Figures) -> Iterator[str]:
    published = run["counts"]["published"]
    coverage = run["coverage"]
    yield "## Fields of `KEY.json`"
    yield ""
    rows = []
    for name, meaning in _FIELDS.items():
        if name not in FIELDS:
            rows.append((f"`{name}`", meaning, "", ""))
        elif coverage.get(name):
            share = _share(coverage[name], published)
            rows.append((f"`{name}`", meaning, share, f"{figures.items[name]:,}"))
    yield from table(("field", "holds", "samples with it:", "items in all:"), rows)
    yield (
        "Empty texts are not counted. Beside these: `uid`, `url`, `source` (the input's shard and key), "
        "`scores`, `facts` (measurements of picture and text) and `provenance` (who wrote each field, from "
        "which prompt)."
    )
    yield ""


def _samples(number: int) -> str:
    return f"{number:,} sample" if number == 1 else f"{number:,} samples"


def _share(number: int, whole: int) -> str:
    return f"{number:,} ({number / whole:.1%})" if whole else f"{number:,}"
