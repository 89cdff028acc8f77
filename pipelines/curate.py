"""Run every stage in order: profile, dedup, annotate, score, publish."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from pipelines.annotate import check_workers, run_annotate
from pipelines.command import main
from pipelines.dedup import run_dedup
from pipelines.profile import run_profile
from pipelines.progress_display import Display
from pipelines.publish import coverage_path, publish_mark, run_publish
from pipelines.report import run_report
from pipelines.run import Run
from pipelines.run_record import note_seconds, score_record
from pipelines.score import check_scorer, run_score
from pipelines.score_lines import score_lines
from pipelines.score_rewriting import check_rewriter
from schemas.errors import AccountingError
from transforms.accounts import Account
from transforms.scoring.scored import decided
from transforms.storage import exists

STAGES: dict[str, Callable[[Run], Account]] = {
    "profile": run_profile,
    "dedup": run_dedup,
    "annotate": run_annotate,
    "score": run_score,
    "publish": run_publish,
}


def check_balance(stage: str, counted: Account, expected: int) -> None:
    """Refuse to go on when a stage saw, or publish wrote, more or fewer samples than were left before it.

    Raises:
        AccountingError: it did.
    """
    if stage in ("dedup", "annotate") and counted.entered != expected:
        raise AccountingError(f"{stage} saw {counted.entered} samples of {expected}; please report this")
    if stage == "publish" and counted.kept != expected:
        raise AccountingError(f"{counted.kept} samples are published of {expected}; please report this")


def was_done(run: Run, stage: str) -> bool:
    """Return whether an earlier run did a stage with all that decides it, so that there is nothing to do."""
    match stage:
        case "annotate":
            summaries = [run.summary(stage, run.asked(step)) for step in run.config.annotate]
        case "score":
            summaries = [run.summary(stage, decided(run.config))]
        case "publish":
            summaries = [coverage_path(run, publish_mark(run))]
        case _:
            summaries = [run.summary(stage)]
    return all(map(exists, summaries))


def run_curate(run: Run, display: Display | None = None) -> Account:
    """Curate the input shards into the output folder; return the whole run's account.

    Raises:
        RunError: a stage failed; what is committed stays, and the same command resumes.
    """
    display = display or Display(enabled=False)
    check_workers(run)  # hours before they are needed
    check_rewriter(run)
    check_scorer(run)
    left = 0
    counted = Account()
    for name, stage in STAGES.items():
        if (name == "annotate" and not run.config.annotate) or (name == "score" and not run.config.score):
            continue
        before = was_done(run, name)
        started = time.monotonic()
        expected = left * len(run.config.annotate) if name == "annotate" else left
        with display.spending(run) if name == "annotate" else nullcontext():
            with display.stage(name, samples=expected, bytes_in=run.bytes_in):
                counted = stage(run)
            if name != "publish" or run.config.score is not None or not run.config.annotate:
                check_balance(name, counted, expected)  # else recipes have lost samples, each its own
            seconds = time.monotonic() - started
            display.finished(name, counted, seconds, before=before)
        if name == "score":
            display.say(score_lines(score_record(run)))
            if run.config.rewriter is not None:
                display.spent(run)
        if name != "publish":  # which notes its own, for run.json to hold it
            note_seconds(run, name, seconds)
        left = counted.kept if name != "annotate" else left
    run_report(run.config.output)
    return counted


if __name__ == "__main__":
    main(run_curate, __doc__)
