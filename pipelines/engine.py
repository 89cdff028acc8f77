"""Run a Beam pipeline on the engine that was asked for, and turn its errors into one line."""

import contextlib
import errno
import logging
import re
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from schemas.errors import PairwrightError, RunError

_OURS = re.compile(r"schemas\.errors\.\w+: (?P<message>.*?)(?: \[while running .*)?$", re.MULTILINE)
_LAST = re.compile(
    r"^(?:[\w.]+\.)?(?P<kind>\w*(?:Error|Exception|Interrupt)): (?P<message>.*?)(?: \[while running.*)?$",
    re.M,
)


def run_pipeline(build: Callable[[beam.Pipeline], None], arguments: Sequence[str]) -> None:
    """Run what `build` adds to a pipeline, to its end.

    Without `--runner` it runs on the embedded engine: Beam's `FnApiRunner` (Beam's default would download and
    start another one).

    Raises:
        RunError: the pipeline failed; the message is one line.
    """
    options = PipelineOptions(list(arguments))
    runner = options.view_as(StandardOptions).runner or FnApiRunner()
    with _quiet():
        try:
            with beam.Pipeline(runner=runner, options=options) as pipeline:
                build(pipeline)
        except PairwrightError:
            raise
        except Exception as error:
            raise explain(error) from error


def explain(error: BaseException) -> PairwrightError:
    """Return the error that a user can mend behind what an engine raised."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    for found in reversed(chain):
        if isinstance(found, PairwrightError):
            return found
        if isinstance(found, OSError) and found.errno is not None:
            return RunError(_explain_os_error(found))
    text = str(error)
    if ours := _OURS.search(text):
        return RunError(ours["message"])
    last = list(_LAST.finditer(text))
    message = (
        f"{last[-1]['kind']}: {last[-1]['message']}" if last else f"{type(error).__name__}: {text.strip()}"
    )
    return RunError(f"{' '.join(message.split())} (what is committed stays; run again to resume)")


def _explain_os_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    mend = {
        errno.ENOSPC: "free some space",
        errno.EFBIG: "raise the limit on file sizes",
        errno.EDQUOT: "raise the quota or free some space",
        errno.EACCES: "change the permissions",
        errno.EROFS: "choose another output",
        errno.EMFILE: "raise the limit on open files (ulimit -n)",
    }.get(error.errno or 0, "mend it")
    return f"{error.strerror}{where}: {mend} and run again; what is committed stays"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Beam's own chatter off: what went wrong is told by `explain`."""
    loggers = [logging.getLogger("apache_beam"), logging.getLogger()]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.CRITICAL))
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
