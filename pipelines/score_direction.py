"""The direction of quality, which the score stage finds from examples before it measures."""

from typing import Any

import apache_beam as beam

from pipelines.engine import run_pipeline
from pipelines.run import Run
from transforms.fit_direction import FitDirection
from transforms.scoring.examples import direction_path
from transforms.scoring.scored import scoring_of
from transforms.storage import exists, read_json


def find_direction(run: Run) -> None:
    """Commit the direction of quality, where it is asked for.

    Raises:
        RunError: the pipeline failed, or the examples have no direction.
    """
    if scoring_of(run.config).quality is None or not run.jobs:
        return
    if exists(direction_path(run.jobs[0], run.config)):
        return

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create(run.jobs[:1]) | FitDirection(config=run.config)

    run_pipeline(build, run.arguments)


def quality_report(run: Run) -> dict[str, Any] | None:
    """Return how many examples the direction is from, and the words next to it; None where not asked for."""
    if scoring_of(run.config).quality is None or not run.jobs:
        return None
    report: dict[str, Any] = read_json(direction_path(run.jobs[0], run.config))["report"]
    return report
