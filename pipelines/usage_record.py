"""What run.json says of requests, tokens and cost; no secrets, and no word of a model."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.public_url import public_url
from pipelines.run import Run
from pipelines.usage import count_spent, count_written, pace_so_far
from recipes.registry import get_recipe
from schemas.workers import ModelWorkerConfig
from transforms.spent import Spent
from transforms.steps import REALIGN
from transforms.written_texts import Written, share_tokens

_SPENT = ("replies", "requests", "tokens_in", "tokens_out")
_MILLION = 1_000_000


def usage_record(run: Run) -> dict[str, Any]:
    """Return what was asked and paid for in this output folder, in all its runs.

    `recipes` and `endpoints` count every reply that was journaled, `published` and `texts` only the present
    configuration's, and only once its recipes have answered. `texts` is of all its recipes, `published` of
    those whose model is paid by the token. Prices are those of the present configuration; a recipe that is no
    longer in it has none. Requests that a server refused (HTTP 400) are in no journal, and not counted.
    """
    spent, written = count_spent(run), count_written(run)
    fields = {recipe.name: recipe.fields for recipe in (get_recipe(s.recipe) for s in run.config.annotate)}
    asked = {
        get_recipe(step.recipe).name: worker
        for step in run.config.annotate
        if isinstance(worker := run.config.workers[step.worker], ModelWorkerConfig)
    }
    paid = asked | _rewriter(run)
    names = list(dict.fromkeys([*paid, *sorted({recipe for recipe, _, _ in spent})]))
    recipes = {name: _spent(spent, paid.get(name), recipe=name) for name in names}
    if written is not None:
        for name, worker in asked.items():
            recipes[name]["published"] = _published(written, name, fields[name], worker)
        for name in fields:
            recipes.setdefault(name, {})["texts"] = _texts(written, name, fields[name])
    return {
        "recipes": recipes,
        "endpoints": _endpoints(spent),
        "pace": pace_so_far(run),
    }


def _rewriter(run: Run) -> dict[str, ModelWorkerConfig]:
    """Return the model that mends sentences for the score stage, by its recipe, where there is one."""
    worker = run.config.workers[run.config.rewriter] if run.config.rewriter is not None else None
    return {REALIGN.name: worker} if isinstance(worker, ModelWorkerConfig) else {}


def totals(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tokens and the cost of all recipes; no cost where no worker has a price.

    >>> asked = {"replies": 1, "tokens_in": 9, "tokens_out": 2, "cost": None}
    >>> totals({"recipes": {"laclip": asked, "detect": {"texts": {}}}})
    {'tokens': {'in': 9, 'out': 2}, 'cost': None}
    """
    recipes = asked_of(usage).values()
    costs = [recipe["cost"] for recipe in recipes if recipe["cost"] is not None]
    tokens = {way: sum(recipe[f"tokens_{way}"] for recipe in recipes) for way in ("in", "out")}
    return {"tokens": tokens, "cost": round(sum(costs), 6) if costs else None}


def asked_of(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipes that were put to a model; of the others only `texts` is counted."""
    return {name: counted for name, counted in usage["recipes"].items() if "replies" in counted}


def _spent(spent: Spent, worker: ModelWorkerConfig | None, recipe: str) -> dict[str, Any]:
    counted = _by_what((what, n) for (of, _, what), n in spent.items() if of == recipe)
    cost = _cost(worker, counted["tokens_in"], counted["tokens_out"])
    return {name: counted[name] for name in _SPENT} | {
        "model_seconds": counted["milliseconds"] / 1000,
        "cost": cost,
    }


def _endpoints(spent: Spent) -> dict[str, Any]:
    """Return what each server answered, by its public address; requests count where the reply came from."""
    urls: dict[str, list[tuple[str, int]]] = {}
    for (_, endpoint, what), number in sorted(spent.items()):
        if endpoint:
            urls.setdefault(public_url(endpoint), []).append((what, number))
    counted = {url: _by_what(rows) for url, rows in urls.items()}
    return {
        url: {name: of_url[name] for name in (*_SPENT, "checked", "misshapen")}
        | {"model_seconds": of_url["milliseconds"] / 1000}
        for url, of_url in counted.items()
    }


def _by_what(rows: Iterable[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for what, number in rows:
        counted[what] += number
    return counted


def _texts(written: Written, recipe: str, fields: Sequence[str]) -> dict[str, Any]:
    """Return what was kept of usable replies, and how much was left out of them and why, by field."""
    texts = {}
    for name in fields:
        dropped = {key[3]: n for key, n in sorted(written.items()) if key[:3] == (recipe, "dropped", name)}
        texts[name] = {"kept": written[recipe, "kept", name], "dropped": dropped}
    return texts


def _published(
    written: Written, recipe: str, fields: Sequence[str], worker: ModelWorkerConfig
) -> dict[str, Any]:
    """Return the tokens of the published samples.

    Tokens out are shared among a recipe's fields by their characters; tokens in cannot be told apart.
    """
    tokens_in, tokens_out = (written[recipe, "published", name] for name in ("tokens_in", "tokens_out"))
    shares = share_tokens(tokens_out, [written[recipe, "chars", name] for name in fields])
    return {
        "samples": written[recipe, "published", "samples"],
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "fields": dict(zip(fields, shares, strict=True)),
        "cost": _cost(worker, tokens_in, tokens_out),
    }


def _cost(worker: ModelWorkerConfig | None, tokens_in: int, tokens_out: int) -> float | None:
    if worker is None or not (worker.price_in or worker.price_out):
        return None
    return round((tokens_in * worker.price_in + tokens_out * worker.price_out) / _MILLION, 6)
