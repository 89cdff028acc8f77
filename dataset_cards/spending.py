"""The card's sections on tokens, cost and texts that were left out: only what a rerun repeats."""

from collections.abc import Iterator, Mapping
from typing import Any

from dataset_cards.markdown import escape_markdown


def tokens_and_cost(usage: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on the tokens behind the published texts, from the `usage` of run.json.

    Not all that was spent: replies that were lost with a killed run, or belong to samples that are not
    published, differ from run to run, and stand in run.json alone.
    """
    told = {name: recipe["published"] for name, recipe in usage["recipes"].items() if "published" in recipe}
    if not told:
        return
    yield "## Tokens and cost"
    yield ""
    yield "| recipe | samples | tokens in | tokens out | of these, by field | cost |"
    yield "|---|---:|---:|---:|---|---:|"
    for name, published in told.items():
        fields = ", ".join(f"`{field}` {number:,}" for field, number in published["fields"].items())
        cost = "" if published["cost"] is None else f"{published['cost']:,.4f}"
        tokens = f"{published['tokens_in']:,} | {published['tokens_out']:,}"
        yield f"| {escape_markdown(name)} | {published['samples']:,} | {tokens} | {fields} | {cost} |"
    yield ""
    yield (
        "Tokens as the model's server counts them, of the published samples, those of a first reply that was "
        "refused included; cost at the configured prices. Tokens out are shared among a recipe's fields by "
        "their characters. What the run spent in all is in `run.json`."
    )
    yield ""


def texts_left_out(usage: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section on single texts that recipes dropped from replies that they kept."""
    rows = [
        (name, field, counted["kept"], counted["dropped"])
        for name, recipe in usage["recipes"].items()
        for field, counted in recipe.get("texts", {}).items()
        if counted["dropped"]
    ]
    if not rows:
        return
    yield "## Texts that were left out"
    yield ""
    yield "| recipe | field | kept | left out | why |"
    yield "|---|---|---:|---:|---|"
    for name, field, kept, dropped in rows:
        whys = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
        why = ", ".join(f"{escape_markdown(reason)} {number:,}" for reason, number in whys)
        yield f"| {escape_markdown(name)} | `{field}` | {kept:,} | {sum(dropped.values()):,} | {why} |"
    yield ""
