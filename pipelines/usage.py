"""Count what models were asked, what it cost, and what became of the texts that they wrote."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import apache_beam as beam

from pipelines.engine import run_pipeline
from pipelines.run import Run
from recipes.registry import get_recipe
from schemas.errors import PairwrightError
from transforms.code_mark import code_mark
from transforms.commit_counts import CommitCounts, read_counts
from transforms.fingerprint import fingerprint
from transforms.journal_files import is_segment, journal_of
from transforms.process_pool import PooledDoFn
from transforms.scoring.scored import decided
from transforms.spent import Spent, spent_in
from transforms.steps import REALIGN
from transforms.storage import (
    all_files,
    commit_bytes,
    exists,
    file_size,
    list_files,
    read_bytes,
    remove,
)
from transforms.written_texts import Written, written_texts

_COUNTING = (
    "transforms/commit_counts.py",
    "transforms/composition.py",
    "transforms/json_numbers.py",
    "transforms/reply_shape.py",
    "transforms/scoring/rewriting.py",
    "transforms/spent.py",
    "transforms/written_texts.py",
)


def count_spent(run: Run) -> Spent:
    """Return what all replies cost that the output folder has journals of, other configurations' too.

    Counted anew only where a journal's files have changed.

    Raises:
        RunError: the pipeline failed.
    """
    found = ((file, journal_of(file)) for file in sorted(all_files(run.path("work", "replies"))))
    files = {file: journal for file, journal in found if journal is not None}
    schemas = {
        recipe.name: recipe.schema for recipe in (get_recipe(step.recipe) for step in run.config.annotate)
    }
    if run.config.rewriter is not None:
        schemas[REALIGN.name] = REALIGN.schema
    sizes = [  # a segment's name says all of what it holds
        [file.removeprefix(run.config.output), 0 if is_segment(file) else file_size(file)] for file in files
    ]
    work, journals = partial(spent_in, schemas=schemas), sorted(set(files.values()))
    return counted_in_shards(run, "spent", [schemas, sizes], work, journals)


def count_written(run: Run) -> Written | None:
    """Return what the configured recipes wrote; None without recipes, or where annotate is not done.

    Raises:
        RunError: the pipeline failed.
    """
    steps = run.config.annotate
    if not steps:
        return None
    asked = [run.asked(step) for step in steps]
    if not all(exists(run.summary("annotate", parts)) for parts in asked):
        return None
    scored = run.config.score is not None and exists(run.summary("score", decided(run.config)))
    config = run.config if scored else run.config.model_copy(update={"score": None})
    work = partial(written_texts, config=config)
    made_from = [run.marks, asked, run.config.chunk_samples, decided(config) if scored else None]
    return counted_in_shards(run, "written", made_from, work, run.jobs)


def counted_in_shards(
    run: Run,
    name: str,
    decided: Sequence[Any],
    work: Callable[[Any], Counter[tuple[str, ...]]],
    elements: Sequence[Any],
) -> Counter[tuple[str, ...]]:
    """Return the sum of what `work` counts, kept in a file that is named by what decides.

    Args:
        name: the file's, with the hash of `decided` and of the code that counts.
        elements: what `work` is given, one at a time: shards, or journals.
    """
    if not elements:
        return Counter()
    file = f"{name}-{fingerprint(name, code_mark(*_COUNTING), *decided)}.json"
    path = run.path("work", "usage", file)

    def build(pipeline: beam.Pipeline) -> None:
        counted = pipeline | beam.Create(elements) | beam.ParDo(PooledDoFn(work))
        _ = counted | CommitCounts(path=path)

    if not exists(path):
        run_pipeline(build, run.arguments)
        for other in list_files(run.path("work", "usage")):
            if other.startswith(f"{name}-") and other != file:
                remove(run.path("work", "usage", other))
    return read_counts(path)


@contextmanager
def paced(run: Run) -> Iterator[None]:
    """Note how many replies came within the block and in what time, also where it stops the run."""
    before, started = _replies(run), time.monotonic()
    try:
        yield
    except PairwrightError:
        with suppress(PairwrightError, OSError):  # the first error is the one to tell
            _note_pace(run, before, time.monotonic() - started)
        raise
    _note_pace(run, before, time.monotonic() - started)


def _replies(run: Run) -> int:
    return sum(number for (_, _, what), number in count_spent(run).items() if what == "replies")


def _note_pace(run: Run, before: int, seconds: float) -> None:
    came = _replies(run) - before
    if came:
        noted = pace_so_far(run)
        pace = {"replies": noted["replies"] + came, "seconds": round(noted["seconds"] + seconds, 2)}
        commit_bytes(run.path("work", "usage", "pace.json"), json.dumps(pace).encode())


def pace_so_far(run: Run) -> dict[str, Any]:
    """Return how many replies came in how many seconds, of all runs that were not killed."""
    path = run.path("work", "usage", "pace.json")
    nothing = {"replies": 0, "seconds": 0.0}
    try:
        noted = json.loads(read_bytes(path)) if exists(path) else nothing
    except ValueError:  # damaged: nothing depends on it
        return nothing
    return noted if isinstance(noted, dict) and noted.keys() == nothing.keys() else nothing
