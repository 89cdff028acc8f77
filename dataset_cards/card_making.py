"""The card's sections on how a set was made: recipes and models, filters, duplicates, scores."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from dataset_cards.markdown import as_code, escape_markdown, table
from schemas.filters import Filter
from schemas.reasons import REASONS
from schemas.scoring import PRESETS

_PAPERS = {
    "CLOC": "2410.02746",
    "DataComp": "2304.14108",
    "LAION": "2111.02114",
}
"""Papers by the names that the descriptions of filters give them, on arXiv."""

_KEPT_BY = {
    "words": "CLIP4DM, arXiv 2412.18404",
    "semantic": "SemDeDup, arXiv 2303.09540",
    "balance": "MetaCLIP, arXiv 2309.16671",
}
"""What sections of `score` do, and whose method it is."""

NO_MODEL = ("rules", "segments")
"""Workers without a model: nobody is asked anything."""

_FILTERS = {
    get_args(model.model_fields["kind"].annotation)[0]: " ".join((model.__doc__ or "").split())
    for model in get_args(get_args(Filter)[0])
}


def writers(run: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield of each recipe its name, version, method, worker, model, revision and the hash of its prompt.

    Where a worker has no model, there is no prompt either: the hash is then empty.
    """
    config = run["config"]
    steps = config.get("annotate") or [{}] * len(run["recipes"])
    for recipe, step in zip(run["recipes"], steps, strict=False):
        worker = config.get("workers", {}).get(step.get("worker"), {})
        yield {
            "name": str(recipe["name"]),
            "version": str(recipe["version"]),
            "source": str(recipe.get("source", "")),
            "worker": str(recipe["worker"]),
            "model": str(recipe["model"]),
            "revision": str(worker.get("revision") or ""),
            "prompt_sha256": "" if recipe["worker"] in NO_MODEL else str(recipe["prompt_sha256"]),
        }


def recipes(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on who wrote the fields; without recipes it says so."""
    yield "## Who wrote the fields"
    yield ""
    if not run["recipes"]:
        yield "Nobody: no recipe was run, and the captions are the alt texts."
        yield ""
        return
    heads = ("recipe", "version", "method", "worker", "model", "revision", "SHA-256 of the prompt")
    yield from table(heads, (list(map(escape_markdown, writer.values())) for writer in writers(run)))


def filters(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on the filters of `profile`, in the order in which they were asked."""
    asked: Sequence[Mapping[str, Any]] = run["config"].get("profile", {}).get("filters", ())
    if not asked:
        return
    yield "## Filters"
    yield ""
    yield "Run in this order; the first that objected gave the reason. What each is set to is what was used."
    yield ""
    described = [_FILTERS.get(settings["kind"], "") for settings in asked]
    rows = (
        (escape_markdown(one["kind"]), escape_markdown(settings_line(one)), escape_markdown(what))
        for one, what in zip(asked, described, strict=True)
    )
    yield from table(("filter", "set to", "what it looks at, and where the threshold comes from"), rows)
    named = [f"{name} is arXiv {paper}" for name, paper in _PAPERS.items() if name in " ".join(described)]
    if named:
        yield f"{'; '.join(named)}."
        yield ""


def duplicates(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on duplicates and pictures of evaluation sets."""
    told = run["config"].get("dedup")
    if not told:
        return
    yield "## Duplicates"
    yield ""
    if told.get("exact"):
        yield "- Of pictures with the same bytes (SHA-256), one was kept."
    if near := told.get("near"):
        yield (
            "- Of nearly the same pictures, the larger one was kept: perceptual hashes of 64 bits that "
            f"differ in {near['max_distance']} at most, and mean colours in a grid of 3 x 3 that differ by "
            f"{near['max_colour']} of 255 at most."
        )
    if lists := told.get("decontaminate"):
        yield f"- Pictures of {len(lists)} lists of evaluation pictures were dropped."
    yield ""


def scoring(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on the score stage: its checkpoint, its rules, and the texts that it left out."""
    told, made = run["config"].get("score"), run.get("score")
    if not told or not made:
        return
    yield "## How texts were scored"
    yield ""
    clip = {name: value for name, value in made["clip"].items() if value not in ("", "False")}
    yield f"By cosine of picture and text in a CLIP: {escape_markdown(settings_line(clip))}."
    yield ""
    for rule in told.get("keep", ()):
        yield f"- A sample is kept for {_kept_for(rule)}."
    for name, settings in told.items():
        if isinstance(settings, dict) and name != "clip" and (line := settings_line(settings)):
            by = f" ({_KEPT_BY[name]})" if name in _KEPT_BY else ""
            yield f"- {as_code(name)}{by}: {escape_markdown(line)}."
    yield ""
    yield from _sent_back(made)
    rows = [
        (as_code(name), escape_markdown(why), f"{number:,}")
        for name, whys in sorted(made.get("texts_left_out", {}).items())
        for why, number in sorted(whys.items())
    ]
    if rows:
        yield "Texts that the scores left out:"
        yield ""
        yield from table(("field", "why", "texts:"), rows)


def _sent_back(made: Mapping[str, Any]) -> Iterator[str]:
    """Yield who wrote sentences anew of which a word was misaligned, and how many of them stand."""
    rewritten = made.get("rewritten")
    if not rewritten:
        return
    writer = made["rewriter"]
    asked = "" if writer["worker"] in NO_MODEL else f" (SHA-256 of the prompt {writer['prompt_sha256']})"
    recipe = f"`{writer['name']}` {escape_markdown(writer['version'])}{asked}"
    yield (
        "Sentences with a misaligned word were sent back once, the word named, to "
        f"{escape_markdown(writer['model'])} by the recipe {recipe}, and scored anew; `KEY.json` says under "
        "`provenance.realigned` which of them stand:"
    )
    yield ""
    rows = [
        (as_code(name), f"{counted['asked']:,}", f"{counted['mended']:,}")
        for name, counted in rewritten.items()
    ]
    yield from table(("field", "sent back:", "mended:"), rows)


def _kept_for(rule: Mapping[str, Any]) -> str:
    bound = rule
    preset = rule.get("preset")
    if preset:
        bound = PRESETS.get(preset, {})
    by = f" (`{preset}`)" if preset else ""
    least, share = bound.get("min"), bound.get("share")
    asked = f"of {least:g} or more" if least is not None else f"among the highest {share or 0:.1%}"
    meaning = REASONS.get(str(rule.get("of")), "").partition("'s cosine")[0]
    return f"`{rule.get('of')}` {asked}{by}" + (f": {meaning}" if meaning and not preset else "")


def settings_line(settings: Mapping[str, Any]) -> str:
    """Return what is set, on one line.

    >>> settings_line({"kind": "words", "min": 3.0, "max": None, "allow": ["en", "de"], "template": ""})
    'min 3, allow en de, template empty'
    """
    told = ((name, value) for name, value in settings.items() if name != "kind" and value is not None)
    return ", ".join(f"{name} {_value(value)}" for name, value in told)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value) or "empty"
