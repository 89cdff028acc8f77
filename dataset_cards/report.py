"""report.html: one self-contained page to look at a run, or at two side by side.

Nothing in it comes from the network, and a policy in its head lets nothing in: only its own style and script,
by their hashes, and pictures as data: URIs. What strangers wrote is in the page as escaped text, or as JSON
that the script shows as text.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from dataset_cards.card_using import baseline_note
from dataset_cards.report_against import Against, against_section
from dataset_cards.report_composition import composition
from dataset_cards.report_funnel import funnel, reason_meaning
from dataset_cards.report_gallery import gallery
from dataset_cards.report_making import making
from dataset_cards.report_measures import Measures, distributions, score_counts
from dataset_cards.report_sample import View
from dataset_cards.report_text import embed_json, escape


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the page shows: run.json, the measures of the index, and the views of the drawn samples."""

    run: Mapping[str, Any]
    measures: Measures
    views: Sequence[View]
    against: Against | None = None


def report_page(report: Report) -> str:
    """Return the page: the same report always gives the same text."""
    style, script = (
        files("dataset_cards").joinpath(name).read_text("utf-8") for name in ("report.css", "report.js")
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        *_head(report.run["name"], style, script),
        "<body>",
        *_banner(report),
        "<main>",
        *funnel(report.run),
        *_against(report),
        *_distributions(report),
        *making(report.run),
        *gallery(report.views, report.run["counts"], list(score_counts(report.views))),
        "</main>",
        f'<script type="application/json" id="data">{embed_json(_data(report))}</script>',
        f"<script>{script}</script>",
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, style: str, script: str) -> Iterator[str]:
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    yield '<head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(name)}: Pairwright report</title>"
    yield f"<style>{style}</style></head>"


def _hash(text: str) -> str:
    """Return a source of a Content Security Policy (level 3, section 2.3.1) that allows one inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _banner(report: Report) -> Iterator[str]:
    counts = report.run["counts"]
    yield '<a class="skip" href="#gallery">To the samples</a><header><div class="bar">'
    yield '<p class="brand">Pairwright report</p><nav aria-label="Sections">'
    sections = [("funnel", "Funnel"), *([("against", "Comparison")] if report.against else [])]
    sections += [("distributions", "Distributions")] if report.measures.side else []
    for place, name in (*sections, ("making", "Making"), ("gallery", "Samples")):
        yield f'<a href="#{place}">{name}</a>'
    yield '</nav><button type="button" id="theme" hidden>Dark theme</button></div>'
    yield f"<h1>{escape(report.run['name'])}</h1>"
    share = f" ({counts['published'] / counts['in']:.1%})" if counts["in"] else ""
    recipes = ", ".join(f"{recipe['name']} by {recipe['model']}" for recipe in report.run["recipes"])
    fields = f", annotated with {escape(recipes)}" if recipes else ""
    yield (
        f'<p class="lead"><b>{counts["in"]:,}</b> units of image-text shards came in, '
        f"<b>{counts['published']:,}</b>{share} are published{fields}.</p>"
    )
    if note := baseline_note(report.run):
        yield f'<p class="callout">{escape(note)}</p>'
    yield "</header>"


def _against(report: Report) -> Iterator[str]:
    if report.against is not None:
        yield from against_section(report.run, report.measures, report.against)


def _distributions(report: Report) -> Iterator[str]:
    other = report.against
    names = (report.run["name"], other.run["name"] if other else "")
    if names[0] == names[1]:
        names = ("here", "there")
    scores = score_counts([view for view in report.views if view["kind"] != "other"])
    tables = () if other else composition(report.run)
    yield from distributions(report.measures, scores, other.measures if other else None, names, tables)


def _data(report: Report) -> dict[str, Any]:
    filters = report.run["config"].get("profile", {}).get("filters", ())
    reasons = sorted({view["reason"] for view in report.views if "reason" in view})
    return {
        "views": report.views,
        "reasons": {reason: reason_meaning(reason, filters).replace("`", "") for reason in reasons},
        "other": report.against.run["name"] if report.against else None,
    }
