"""The skeleton of the report's gallery: the script fills it from the page's data."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataset_cards.report_text import escape
from schemas.annotation import FIELDS

_KINDS = (("all", "All"), ("published", "Published"), ("rejected", "Rejected"))
_ORDERS = (
    ("", "as they lie"),
    ("short", "shortest caption first"),
    ("long", "longest caption first"),
    ("low", "lowest score first"),
    ("high", "highest score first"),
)
_SETS = (
    ("differs", "texts differ"),
    ("same", "texts are the same"),
    ("here", "only here"),
    ("there", "only there"),
)


def gallery(
    views: Sequence[Mapping[str, Any]], counts: Mapping[str, Any], scores: Sequence[str]
) -> Iterator[str]:
    """Yield the lines of the section.

    Args:
        views: of all samples that are shown.
        counts: of run.json.
        scores: the names of the scores that the views have.
    """
    drawn = Counter(view["kind"] if view["kind"] in ("published", "other") else "rejected" for view in views)
    yield '<section id="gallery" aria-labelledby="gallery-title"><h2 id="gallery-title">Samples</h2>'
    told = [
        f"{drawn['published']:,} of {counts['published']:,} published samples, drawn evenly over the output"
    ]
    if rejected := counts["in"] - counts["published"]:
        told.append(f"{drawn['rejected']:,} of {rejected:,} that were not published, by reason")
    if drawn["other"]:
        told.append(f"{drawn['other']:,} that only the other run published")
    yield f'<p class="note">{"; ".join(told)}.</p>'
    yield '<form id="controls" role="search" aria-label="Samples">'
    yield '<label class="search">Search '
    yield '<input id="query" type="search" autocomplete="off" spellcheck="false" '
    yield 'placeholder="words, a phrase, a uid" aria-keyshortcuts="/"></label>'
    yield from _kinds()
    yield from _selects(views, scores)
    if any(view.get("regions") for view in views):
        yield '<label class="check"><input id="boxes" type="checkbox" aria-keyshortcuts="r">Regions</label>'
    yield '<button type="reset">Clear</button><output id="found" aria-live="polite"></output></form>'
    yield (
        '<p class="note keys"><kbd>/</kbd> searches, arrow keys move, <kbd>Enter</kbd> opens a sample and '
        "<kbd>Esc</kbd> closes it.</p>"
    )
    yield '<div id="samples" role="feed" aria-label="Samples" aria-busy="false"></div>'
    yield '<nav id="pages" aria-label="Pages of samples" hidden>'
    yield '<button type="button" id="before">← Previous</button>'
    yield '<label>Samples <select id="page"></select> <span id="of"></span></label>'
    yield '<button type="button" id="after">Next →</button></nav>'
    yield "<noscript><p>The samples are shown by a script; yours is switched off.</p></noscript></section>"
    yield '<dialog id="sample" aria-labelledby="sample-title"></dialog>'


def _kinds() -> Iterator[str]:
    yield '<fieldset><legend>Which</legend><div class="segments">'
    for value, name in _KINDS:
        checked = " checked" if value == "all" else ""
        yield f'<label><input type="radio" name="kind" value="{value}"{checked}><span>{name}</span></label>'
    yield "</div></fieldset>"


def _selects(views: Sequence[Mapping[str, Any]], scores: Sequence[str]) -> Iterator[str]:
    reasons = Counter(f"{view['stage']}/{view['reason']}" for view in views if "reason" in view)
    if reasons:
        options = [(key, f"{key.partition('/')[2]} ({number:,})") for key, number in sorted(reasons.items())]
        yield from _select("reason", "Reason", [("", "any"), *options])
    recipes = sorted({name for view in views for name in view.get("recipes", ())})
    fields = {name for view in views for name in view.get("fields", ())}
    if fields or recipes:
        options = [(f"recipe:{name}", f"recipe {name}") for name in recipes]
        options += [(f"field:{name}", f"field {name}") for name in FIELDS if name in fields]
        yield from _select("has", "With", [("", "anything"), *options])
    if any("set" in view for view in views):
        yield from _select("set", "Against the other run", [("", "any"), *_SETS])
    yield from _select("order", "Order", [row for row in _ORDERS if scores or row[0] not in ("low", "high")])
    if scores:
        yield '<div class="range">'
        yield from _select("score", "Score", [(name, name) for name in scores])
        yield '<label>from <input id="least" type="number" step="any" inputmode="decimal"></label>'
        yield '<label>to <input id="most" type="number" step="any" inputmode="decimal"></label></div>'


def _select(name: str, label: str, options: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f'<label>{label} <select id="{name}">'
    yield "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    yield "</select></label>"
