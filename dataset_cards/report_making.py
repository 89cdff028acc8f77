"""The report's section on who wrote the fields, what they took, and how the run was set up."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataset_cards.report_text import escape, figure
from schemas.annotation import FIELDS

_FIGURE = re.compile(r"[+\N{MINUS SIGN}-]?[\d,.]+%?")
_STACKED = 5
"""Columns from which on a table's rows are stacked on a narrow screen."""


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str = "",
    last: Sequence[Sequence[object]] = (),
) -> Iterator[str]:
    """Yield an HTML table: the first cell of a row is its head, and figures stand to the right.

    Rows at the `last` are set apart: what they are called is no value of the others.

    >>> "".join(table(["a", "b"], [["<x>", 1200]]))[-95:]
    '<th scope="row">&lt;x&gt;</th><td class="n" data-head="b">1,200</td></tr></tbody></table></div>'
    """
    stacked = ' class="stacked"' if len(heads) >= _STACKED else ""
    yield f'<div class="scroll" tabindex="0"><table{stacked}>'
    if caption:
        yield f"<caption>{escape(caption)}</caption>"
    kept = [tuple(row) for row in rows]
    figures = [bool(place) and all(_is_figure(row[place]) for row in kept) for place in range(len(heads))]
    styles = (' class="n"' if right else "" for right in figures)
    columns = (
        f'<th scope="col"{style}>{escape(head)}</th>' for head, style in zip(heads, styles, strict=True)
    )
    yield f"<thead><tr>{''.join(columns)}</tr></thead><tbody>"
    yield from (_row(row, heads) for row in kept)
    foot = "".join(_row(row, heads) for row in last)
    yield f"</tbody>{foot and f'<tfoot>{foot}</tfoot>'}</table></div>"


def _row(row: Sequence[object], heads: Sequence[str]) -> str:
    cells = (_cell(value, head) for value, head in zip(row[1:], heads[1:], strict=True))
    return f'<tr><th scope="row">{escape(row[0])}</th>{"".join(cells)}</tr>'


def _is_figure(value: object) -> bool:
    return value is None or isinstance(value, (int, float)) or _FIGURE.fullmatch(str(value)) is not None


def _cell(value: object, head: str) -> str:
    shown = "" if value is None else figure(value, ",") if isinstance(value, (int, float)) else escape(value)
    style = ' class="n"' if _is_figure(value) else ""
    return f'<td{style} data-head="{escape(head)}">{shown}</td>'


def making(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the section, from run.json."""
    yield '<section id="making" aria-labelledby="making-title"><h2 id="making-title">How it was made</h2>'
    yield '<div class="tables">'
    yield from _recipes(run)
    yield from _coverage(run)
    yield from _seconds(run)
    yield "</div>"
    yield from _scored(run)
    yield from _spent(run)
    yield from _setup(run)
    yield "</section>"


def _recipes(run: Mapping[str, Any]) -> Iterator[str]:
    if not run["recipes"]:
        yield "<p>No recipe was run: the captions are the alt text.</p>"
        return
    heads = ("recipe", "version", "method", "worker", "model", "prompt (SHA-256)")
    names = ("name", "version", "source", "worker", "model")
    rewriter = (run.get("score") or {}).get("rewriter")
    yield from table(
        heads,
        (
            [*(recipe.get(name, "") for name in names), str(recipe.get("prompt_sha256", ""))[:12]]
            for recipe in (*run["recipes"], *([rewriter] if rewriter else []))
        ),
        caption="Who wrote the fields",
    )


def _coverage(run: Mapping[str, Any]) -> Iterator[str]:
    published = run["counts"]["published"]
    covered = {name: run["coverage"].get(name, 0) for name in FIELDS}
    rows = [(name, number, f"{number / published:.1%}") for name, number in covered.items() if number]
    if rows:
        yield from table(("field", "samples with it", "share"), rows, caption="Coverage of the fields")


def _spent(run: Mapping[str, Any]) -> Iterator[str]:
    usage = run.get("usage", {})
    recipes = {name: spent for name, spent in usage.get("recipes", {}).items() if "replies" in spent}
    if not recipes:
        if run.get("score"):
            yield "<p>The model that scored is not paid by the token; no other was asked.</p>"
        elif any(recipe["worker"] in ("rules", "segments") for recipe in run["recipes"]):
            yield "<p>No model was asked, so there are no tokens and no cost.</p>"
        return
    heads = ("replies", "requests", "tokens in", "tokens out", "model seconds")
    rows = [_spending(name, spent) for name, spent in recipes.items()]
    title = "Spent in all runs of this folder, by recipe"
    yield from table(("recipe", *heads, "cost"), rows, caption=title)
    endpoints = [_spending(name, spent)[:-1] for name, spent in usage.get("endpoints", {}).items()]
    if endpoints:
        yield from table(("endpoint", *heads), endpoints, caption="By endpoint")
    cost = run.get("cost")
    total = "no worker has a price" if cost is None else f"{cost:,.4f} in all, at the configured prices"
    yield f'<p class="note">Tokens as the servers count them; cost: {total}.</p>'


def _scored(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield who scored pictures and texts, which texts the scores left out, and which were mended."""
    made = run.get("score")
    if not made:
        return
    clip = {name: value for name, value in made["clip"].items() if value not in ("", "False")}
    if "sha256" in clip:
        clip["sha256"] = str(clip["sha256"])[:12]
    told = ", ".join(f"{name} {value}" for name, value in clip.items())
    yield f"<p>Pictures and texts were compared by a CLIP or SigLIP: {escape(told)}.</p>"
    left_out = [
        (field, why, number)
        for field, whys in sorted(made.get("texts_left_out", {}).items())
        for why, number in sorted(whys.items(), key=lambda item: (-item[1], item[0]))
    ]
    mended = [
        (field, asked["asked"], asked["mended"])
        for field, asked in sorted((made.get("rewritten") or {}).items())
    ]
    yield '<div class="tables">'
    if left_out:
        yield from table(("field", "why", "texts"), left_out, caption="Texts that the scores left out")
    if mended:
        heads = ("field", "sent back", "came back true and stayed")
        yield from table(heads, mended, caption="Sentences sent back with their misaligned words named")
    yield "</div>"


def _spending(name: str, spent: Mapping[str, Any]) -> list[object]:
    counted = [
        spent.get(what) for what in ("replies", "requests", "tokens_in", "tokens_out", "model_seconds")
    ]
    cost = spent.get("cost")
    return [name, *counted, None if cost is None else f"{cost:,.4f}"]


def _seconds(run: Mapping[str, Any]) -> Iterator[str]:
    rows = [(stage, f"{taken:,.1f}") for stage, taken in run.get("seconds", {}).items()]
    if rows:
        yield from table(("stage", "seconds"), rows, caption="Time, in all runs of this folder")


def _setup(run: Mapping[str, Any]) -> Iterator[str]:
    versions = run.get("versions", {})
    if versions:
        yield "<details><summary>Versions</summary>"
        yield from table(("package", "version"), versions.items())
        yield "</details>"
    yield "<details><summary>Configuration</summary>"
    text = json.dumps(run["config"], indent=2, ensure_ascii=False)
    yield f'<pre tabindex="0">{escape(text)}</pre></details>'
