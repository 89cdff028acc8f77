"""Chunks: neighbouring samples of one shard that are annotated and committed together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from recipes.base import Recipe
from schemas.annotation import Annotation
from schemas.facts import Facts
from schemas.workers import WorkerConfig
from transforms.code_mark import ASKING, code_mark
from transforms.fingerprint import fingerprint
from transforms.shard_job import ShardJob
from transforms.survivors import survivors


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Neighbouring samples of one shard that are committed together, and where."""

    path: str
    facts: list[Facts]
    done: dict[int, Annotation] = field(default_factory=dict)  # by index: a second reply adds none


def chunk_facts(job: ShardJob, chunk_samples: int, columns: list[str] | None = None) -> Iterator[list[Facts]]:
    """Yield a shard's surviving samples by fixed ranges of their indices."""
    for _, rows in groupby(survivors(job, columns), key=lambda facts: facts.index // chunk_samples):
        yield list(rows)


def chunk_path(job: ShardJob, recipe: Recipe, worker: WorkerConfig, facts: Sequence[Facts]) -> str:
    """Return where a recipe's annotations of a chunk lie: the name holds all that decides the answers."""
    asked = [recipe.prompt_sha256(), worker.identity(), job.facts_mark, code_mark(*ASKING)]
    mark = fingerprint("annotate", asked, [f.index for f in facts])
    return job.annotations(recipe.name, facts[0].index, mark)
