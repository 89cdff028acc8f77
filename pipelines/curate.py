"""Run every stage in order: profile, dedup, annotate, publish."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from pipelines.annotate import check_workers, run_annotate
from pipelines.command import main
from pipelines.dedup import run_dedup
from pipelines.profile import run_profile
from pipelines.progress_display import Display
from pipelines.publish import run_publish
from pipelines.report import run_report
from pipelines.run import Run
from pipelines.run_record import note_seconds
from pipelines.score import check_scorer, run_score
from schemas.errors import AccountingError
from transforms.accounts import Account

STAGES: dict[str, Callable[[Run], Account]] = {
    "profile": run_profile,
    "dedup": run_dedup,
    "annotate": run_annotate,
    "score": run_score,
    "publish": run_publish,
}


def check_balance(stage: str, counted: Account, expected: int) -> None:
    """Refuse to go on when a stage saw more or fewer samples than the one before it left.

    Raises:
        AccountingError: it did.
    """
    if stage in ("dedup", "annotate") and counted.entered != expected:
        raise AccountingError(f"{stage} saw {counted.entered} samples of {expected}; please report this")


def run_curate(run: Run, display: Display | None = None) -> Account:
    """Curate the input shards into the output folder; return the whole run's account.

    Raises:
        RunError: a stage failed; what is committed stays, and the same command resumes.
    """
    display = display or Display(enabled=False)
    check_workers(run)  # hours before they are needed
    check_scorer(run)
    left = 0
    counted = Account()
    for name, stage in STAGES.items():
        if (name == "annotate" and not run.config.annotate) or (name == "score" and not run.config.score):
            continue
        started = time.monotonic()
        expected = left * len(run.config.annotate) if name == "annotate" else left
        with display.spending(run) if name == "annotate" else nullcontext():
            with display.stage(name, samples=expected, bytes_in=run.bytes_in):
                counted = stage(run)
            check_balance(name, counted, expected)
            seconds = time.monotonic() - started
            display.finished(name, counted, seconds)
        if name != "publish":  # which notes its own, for run.json to hold it
            note_seconds(run, name, seconds)
        left = counted.kept if name != "annotate" else left
    run_report(run.config.output)
    return counted


if __name__ == "__main__":
    main(run_curate, __doc__)
