"""What a run says of requests, tokens and cost when it ends."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.usage_record import asked_of, totals

MIN_IGNORED = 3
MIN_IGNORED_SHARE = 0.01
"""So many replies that are not of the schema's shape, and such a share, are no accident: what a server that
enforces the schema was stopped in the middle of may be one, where it does not say so."""

_INDENT = " " * 10


def usage_lines(usage: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines on a `usage` of run.json; none where no model was asked and no text left out.

    >>> counted = {"replies": 2, "requests": 3, "tokens_in": 4000, "tokens_out": 50, "cost": None}
    >>> usage = {"recipes": {"laclip": counted}, "endpoints": {}, "pace": {"replies": 2, "seconds": 0.5}}
    >>> print(*usage_lines(usage), sep="\\n")
              laclip: 2 replies to 3 requests; 4,000 tokens in, 50 out
              4.0 replies/s
    """
    recipes = asked_of(usage)
    for name, counted in usage["recipes"].items():
        if name in recipes:
            yield f"{_INDENT}{name}: {_asked(counted)}"
        yield from (f"{_INDENT}{name}: {line}" for line in dropped_lines(counted.get("texts", {})))
    if not recipes:
        return
    names = ("replies", "requests", "tokens_in", "tokens_out")
    whole = {name: sum(counted[name] for counted in recipes.values()) for name in names}
    together = f"together {_asked(whole | totals(usage))}" if len(recipes) > 1 else ""
    pace = usage["pace"]
    rate = f"{pace['replies'] / max(pace['seconds'], 1e-3):,.1f} replies/s" if pace["replies"] else ""
    if together or rate:
        yield _INDENT + "; ".join(filter(None, (together, rate)))
    yield from (_INDENT + line for line in ignoring_lines(usage["endpoints"]))


def _asked(counted: Mapping[str, Any]) -> str:
    line = (
        f"{counted['replies']:,} replies to {counted['requests']:,} requests; "
        f"{counted['tokens_in']:,} tokens in, {counted['tokens_out']:,} out"
    )
    return line if counted["cost"] is None else f"{line}; cost {format_cost(counted['cost'])}"


def format_cost(cost: float) -> str:
    """Return a cost with two decimals, or four where it is less than one."""
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.4f}"


def dropped_lines(texts: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many texts a recipe left out of replies that it kept; fields of the same counts in one line.

    >>> pairs = {"kept": 5, "dropped": {"same": 1, "not minimal": 2}}
    >>> list(dropped_lines({"long_positive": pairs, "long_negative": pairs}))
    ['3 of 8 long_positive and long_negative dropped: not minimal 2, same 1']
    """
    alike: dict[tuple[int, str], list[str]] = {}
    for name, counted in texts.items():
        whys = sorted(counted["dropped"].items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{why} {number:,}" for why, number in whys)
        alike.setdefault((counted["kept"], listed), []).append(name)
    for (kept, listed), names in alike.items():
        if listed:
            dropped = sum(texts[names[0]]["dropped"].values())
            yield f"{dropped:,} of {kept + dropped:,} {' and '.join(names)} dropped: {listed}"


def ignoring_lines(endpoints: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line on each server that ignored the JSON schema more often than by accident."""
    for url, counted in endpoints.items():
        ignored, checked = counted["misshapen"], counted["checked"]
        if ignored >= max(MIN_IGNORED, MIN_IGNORED_SHARE * checked):
            yield (
                f"{url} ignored the JSON schema in {ignored:,} of {checked:,} replies; use a server that "
                "enforces response_format (vLLM does)"
            )
