"""What replies cost: every one in the journals, those that were refused and asked for again too."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from apache_beam.io.filesystems import FileSystems

from transforms.reply_shape import ignores_schema
from transforms.reply_store import read_replies

Spent = Counter[tuple[str, ...]]
"""By (recipe, endpoint, what): `replies`; `requests` (attempts, failed ones too); `tokens_in`, `tokens_out`;
`milliseconds` (of the attempts that brought a reply); `checked` (of which the shape tells something of the
server) and `misshapen` (of these, not of the schema's shape). Endpoint "" is this process, or no server."""


def recipe_of(path: str) -> str:
    """Return the name of the recipe whose journal lies there."""
    folder, _ = FileSystems.split(path)
    return str(FileSystems.split(folder)[1])


def spent_in(path: str, schemas: Mapping[str, Mapping[str, Any]]) -> Spent:
    """Return what the replies of one journal cost; `schemas` are those of the recipes, by name.

    Of a recipe that is not there, no reply is checked. Of a request that two attempts at the same work put,
    both replies are counted: both were paid for. In memory are one reply at a time and a hash of each.
    """
    recipe = recipe_of(path)
    schema = schemas.get(recipe)
    by_endpoint: dict[str, Counter[str]] = {}
    for _, reply in read_replies(path):
        spent = by_endpoint.setdefault(reply.endpoint, Counter())
        spent["replies"] += 1
        spent["requests"] += reply.attempts
        spent["tokens_in"] += reply.tokens_in
        spent["tokens_out"] += reply.tokens_out
        spent["milliseconds"] += round(reply.seconds * 1000)
        ignored = ignores_schema(reply, schema) if schema is not None and reply.endpoint else None
        if ignored is not None:
            spent["checked"] += 1
            spent["misshapen"] += ignored
    return Counter(
        {
            (recipe, endpoint, what): number
            for endpoint, spent in by_endpoint.items()
            for what, number in spent.items()
        }
    )
