"""How many texts the replies held, how many of them were kept, and the tokens of what is published."""

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recipes.base import Recipe
from schemas.config import RunConfig
from transforms.chunks import chunk_facts, chunk_path
from transforms.scoring.judged import judged
from transforms.scoring.scored import Judged
from transforms.shard_job import ShardJob
from transforms.steps import Step, plan_steps
from transforms.storage import read_table

Written = Counter[tuple[str, ...]]
"""By (recipe, "kept", field): texts of usable replies that the recipe kept, and none that was known or fell
back where a model answers; (recipe, "dropped", field, why): texts of replies that it left out;
(recipe, "published", what): `samples`, `tokens_in` and `tokens_out` of the samples that are published;
(recipe, "chars", field): characters of theirs, those of texts that scores leave out later too."""


def written_texts(job: ShardJob, config: RunConfig) -> Written:
    """Return what the configured recipes wrote of one shard; a chunk is in memory at a time."""
    steps = list(plan_steps(config).values())
    counted: Written = Counter()
    kept = pa.array(_kept(job, config), pa.int64())
    for chunk in chunk_facts(job, config.chunk_samples, ["index", "uid", "key"]):
        tables = [read_table(chunk_path(job, step, chunk), _columns(step.recipe)) for step in steps]
        usable = [pc.is_null(table.column("reason")) for table in tables]
        published = reduce(pc.and_, usable)
        if config.score is not None:
            published = pc.and_(published, pc.is_in(tables[0].column("index"), value_set=kept))
        for step, table, answered in zip(steps, tables, usable, strict=True):
            _count_kept(counted, step, table.filter(answered))
            _count_published(counted, step.recipe, table.filter(published))
    return counted


def _kept(job: ShardJob, config: RunConfig) -> list[int]:
    """Return the indices of the samples that their scores keep; none where nothing is scored."""
    if config.score is None:
        return []
    return [one.facts.index for one in judged(job, config) if isinstance(one, Judged)]


def _columns(recipe: Recipe) -> list[str]:
    return ["index", "reason", "worker", "tokens_in", "tokens_out", "dropped", *recipe.fields]


def _count_kept(counted: Written, step: Step, answered: pa.Table) -> None:
    recipe, of_replies = step.recipe, answered
    if step.worker.kind != "rules":
        of_replies = answered.filter(pc.not_equal(answered.column("worker"), pa.scalar("rules")))
    for name in recipe.fields:
        counted[recipe.name, "kept", name] += len(_texts(of_replies, name))
    for rows in answered.column("dropped").to_pylist():
        for row in rows or ():
            counted[recipe.name, "dropped", row["field"], row["why"]] += row["texts"]


def _count_published(counted: Written, recipe: Recipe, published: pa.Table) -> None:
    counted[recipe.name, "published", "samples"] += published.num_rows
    for name in ("tokens_in", "tokens_out"):
        counted[recipe.name, "published", name] += pc.sum(published.column(name)).as_py() or 0
    for name in recipe.fields:
        chars = pc.sum(pc.utf8_length(_texts(published, name))).as_py()
        counted[recipe.name, "chars", name] += chars or 0


def _texts(table: pa.Table, name: str) -> pa.StringArray:
    """Return the texts of a field (of regions their phrases), without nulls."""
    column: Any = table.column(name).combine_chunks()
    column = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    texts: pa.StringArray = pc.drop_null(
        pc.struct_field(column, "phrase") if pa.types.is_struct(column.type) else column
    )
    return texts


def share_tokens(tokens: int, chars: Sequence[int]) -> list[int]:
    """Return a number of tokens shared out by characters, adding up to it (largest remainders).

    >>> share_tokens(10, [30, 30, 30]), share_tokens(10, [0, 0])
    ([4, 3, 3], [0, 0])
    """
    whole = sum(chars)
    if not whole:
        return [0] * len(chars)
    shares = [tokens * part // whole for part in chars]
    by_rest = sorted(range(len(chars)), key=lambda k: (-(tokens * chars[k] % whole), k))
    for k in by_rest[: tokens - sum(shares)]:
        shares[k] += 1
    return shares
