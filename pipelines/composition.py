"""What run.json says of the values of chosen fields of the samples' own JSON."""

from collections import Counter
from functools import partial
from typing import Any

from pipelines.run import Run
from pipelines.usage import counted_in_shards
from transforms.composition import composition
from transforms.scoring.scored import decided

SHOWN = 50
"""Values of a field, the most frequent ones; all others are counted together."""


def composition_record(run: Run) -> dict[str, Any]:
    """Return by field how many published samples have each value, how many another one, and how many none.

    Raises:
        RunError: the pipeline failed.
    """
    fields = run.config.card.composition
    if not fields:
        return {}
    asked = [run.asked(step) for step in run.config.annotate]
    scored = None if run.config.score is None else decided(run.config)
    made_from = [run.marks, asked, run.config.chunk_samples, scored, list(fields)]
    work = partial(composition, config=run.config)
    counted = counted_in_shards(run, "composition", made_from, work, run.jobs)
    return {name: _of_field(counted, name) for name in fields}


def _of_field(counted: Counter[tuple[str, ...]], name: str) -> dict[str, Any]:
    values = {key[2]: number for key, number in counted.items() if key[:2] == ("value", name)}
    ordered = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    return {
        "values": dict(ordered[:SHOWN]),
        "others": sum(number for _, number in ordered[SHOWN:]) + counted["others", name],
        "missing": counted["missing", name],
    }
